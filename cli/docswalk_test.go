//go:build unix

package cli

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	yaml "go.yaml.in/yaml/v3"

	"github.com/nixpacks-cue/nixpacks/engine/solve/buildkitdtest"
)

// walk is a shell in which a page is performed: where it stands and its variables are there for the next command.
type walk struct {
	dir, shell string // where files of the page go; where the shell keeps what it knows
	env        []string
	real       bool              // with real builds
	at         int               // the line of the page
	hosts      *strings.Replacer // names of servers in the page, and where these run here
	names      *strings.Replacer // the other way round
}

// docServers are what pages may ask for: each runs a server, and says by which name pages know it.
var docServers = map[string]func(*testing.T, *walk){
	"registry": func(t *testing.T, w *walk) { w.knows("registry.example.com", buildkitdtest.Registry(t, "")) },
	"buildkitd": func(t *testing.T, w *walk) { // with the keys that the page makes
		file := func(name string) string { return filepath.Join(w.dir, "keys", name) }
		d := buildkitdtest.Buildkitd(t, buildkitdtest.Now, buildkitdtest.Options{TLS: &buildkitdtest.TLS{CA: file("ca.pem"), Cert: file("server.pem"), Key: file("server.key")}})
		w.knows("tcp://buildkitd:1234", d.TCP)
	},
	"ssh-agent": func(t *testing.T, w *walk) {
		buildkitdtest.Need(t, "ssh-agent")
		socket := filepath.Join(w.shell, "agent")
		agent := exec.Command("ssh-agent", "-D", "-a", socket)
		must(t, agent.Start())
		t.Cleanup(func() {
			_ = agent.Process.Kill()
			_ = agent.Wait()
		})
		w.run(t, "export SSH_AUTH_SOCK="+socket)
	},
}

// newWalk is a walk in an empty folder and home; host is the environment of real builds, if there are to be any.
func newWalk(t *testing.T, host []string) *walk {
	t.Helper()
	root, err := filepath.Abs("..")
	must(t, err)
	w := &walk{dir: t.TempDir(), shell: t.TempDir(), real: host != nil, hosts: strings.NewReplacer(), names: strings.NewReplacer()}
	if host == nil {
		host = []string{"XDG_CACHE_HOME=" + t.TempDir(), "XDG_STATE_HOME=" + t.TempDir()}
	}
	goenv, err := exec.Command("go", "env", "GOCACHE", "GOMODCACHE").Output()
	must(t, err)
	caches := strings.Fields(string(goenv))
	w.env = append(append(os.Environ(), host...), "NIXPACKS="+root, "PAGE="+w.dir, "GOPATH="+t.TempDir(), "GOBIN=", "HOME="+t.TempDir(), "CUE_REGISTRY="+memoryRegistry(t), "CUE_CACHE_DIR="+t.TempDir(),
		"GOCACHE="+caches[0], "GOMODCACHE="+caches[1],
		"GIT_AUTHOR_NAME=me", "GIT_AUTHOR_EMAIL=me@example.com", "GIT_COMMITTER_NAME=me", "GIT_COMMITTER_EMAIL=me@example.com")
	put(t, filepath.Join(w.shell, "cwd"), []byte(w.dir))
	put(t, filepath.Join(w.shell, "variables"), nil)
	return w
}

// knows has commands reach a server at an address by another name.
func (w *walk) knows(name, address string) {
	w.hosts, w.names = strings.NewReplacer(name, address), strings.NewReplacer(address, name)
}

func (w *walk) write(t *testing.T, b docBlock) {
	t.Helper()
	path := filepath.Join(w.dir, b.name)
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	must(t, os.WriteFile(path, []byte(b.body), 0o644))
	for d := yaml.NewDecoder(strings.NewReader(b.body)); b.kind == "yaml"; {
		if err := d.Decode(new(any)); err == io.EOF {
			break
		} else if err != nil {
			t.Errorf("line %d: %v", b.line, err)
			break
		}
	}
}

var builds = regexp.MustCompile(`\bnixpacks (build|run|lock|image) `)

// skips tells whether a command is for real builds, and there are to be none.
func (w *walk) skips(b docBlock, line string) bool {
	_, marked := b.mark("real builds")
	return !w.real && (marked || builds.MatchString(line) && !strings.Contains(line, " --out ") && !strings.Contains(line, " --help"))
}

// run runs one command, and gives what it prints and its exit code. An app that appAnswers at its URL is asked once, and ended as by
// Ctrl-C.
func (w *walk) run(t *testing.T, line string) (string, int) {
	t.Helper()
	t.Logf("line %d: $ %s", w.at, line)
	script := `cd "$(cat "$0/cwd")" && . "$0/variables" || exit 99; trap 'pwd >"$0/cwd"; export -p >"$0/variables"' EXIT` + "\n" + w.hosts.Replace(line)
	cmd := exec.Command("bash", "-c", script, w.shell)
	cmd.Dir, cmd.Env = w.dir, w.env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out := &watched{t: t, cmd: cmd}
	cmd.Stdout, cmd.Stderr = out, out
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	code := cmd.ProcessState.ExitCode()
	if out.asked { // and so ended
		code = 0
	}
	return w.names.Replace(out.buf.String()), code
}

// watched is what a command prints, until an app says where it appAnswers.
type watched struct {
	buf   bytes.Buffer // not embedded, for io.Copy would fill it behind the back of Write
	t     *testing.T
	cmd   *exec.Cmd
	asked bool
}

var appAnswers = regexp.MustCompile(`(?m)^the app answers at (http://localhost:\d+)$`)

func (w *watched) Write(p []byte) (int, error) {
	n, err := w.buf.Write(p)
	if m := appAnswers.FindSubmatch(w.buf.Bytes()); m != nil && !w.asked {
		w.asked = true
		if r, err := http.Get(string(m[1])); err != nil {
			w.t.Errorf("%s: %v", m[1], err)
		} else {
			r.Body.Close()
		}
		err = errors.Join(err, syscall.Kill(-w.cmd.Process.Pid, syscall.SIGINT))
	}
	return n, err
}

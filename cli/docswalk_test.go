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

// walk is a shell session that follows a page. Its working directory and variables carry over to the next command.
type walk struct {
	dir, shell string // where the files of the page go; where the shell keeps its state
	env        []string
	real       bool              // real builds are enabled
	at         int               // the current line of the page
	hosts      *strings.Replacer // maps names of servers on the page to their addresses here
	names      *strings.Replacer // the inverse of hosts
}

// docServers are the servers that pages may ask for. Each starts the server, and registers the name by which pages know it.
var docServers = map[string]func(*testing.T, *walk){
	"registry": func(t *testing.T, w *walk) { w.knows("registry.example.com", buildkitdtest.Registry(t, "")) },
	"buildkitd": func(t *testing.T, w *walk) { // uses the keys that the page makes
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

// newWalk returns a walk in an empty folder and home. host is the environment of real builds; nil if there are none.
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

// knows makes commands reach the server at an address by another name.
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

// skips reports whether a command needs real builds and they are not enabled.
func (w *walk) skips(b docBlock, line string) bool {
	_, marked := b.mark("real builds")
	return !w.real && (marked || builds.MatchString(line) && !strings.Contains(line, " --out ") && !strings.Contains(line, " --help"))
}

// run runs one command, and returns its output and exit code. When an app prints the URL at which it answers, run requests
// it once, and then ends the app as Ctrl-C would.
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
	if out.asked { // and was ended then
		code = 0
	}
	return w.names.Replace(out.buf.String()), code
}

// watched collects what a command prints. When an app prints its URL, watched requests it and ends the command.
type watched struct {
	buf   bytes.Buffer // not embedded, because io.Copy would then bypass Write
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

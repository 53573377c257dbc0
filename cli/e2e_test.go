package cli

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// realHost returns an environment for real builds. It has its own state, so that a test can kill the engine, and this
// machine's cache, so that bases are made once. It skips the test if real builds are not enabled.
func realHost(t *testing.T) []string {
	t.Helper()
	if os.Getenv("NIXPACKS_E2E") == "" {
		t.Skip("set NIXPACKS_E2E=1 for real builds: minutes, and network")
	}
	state, err := os.MkdirTemp("", "nixpacks-e2e")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(state) }) // an ordinary user may be unable to remove all of it
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	return []string{"XDG_STATE_HOME=" + state, "XDG_CACHE_HOME=" + cache}
}

// TestRealScript runs testdata/e2e/*.txtar: the command line with real builds.
func TestRealScript(t *testing.T) {
	host := realHost(t)
	testscript.Run(t, testscript.Params{
		Dir:                 "../testdata/e2e",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		Cmds:                scriptCommands,
		Setup: func(env *testscript.Env) error {
			for _, kv := range append(host, "SSL_CERT_FILE="+os.Getenv("SSL_CERT_FILE")) {
				k, v, _ := strings.Cut(kv, "=")
				env.Setenv(k, v)
			}
			return nil
		},
	})
}

// sleeper is an app whose build prints that it has started, and then never ends.
const sleeper = `
buildImage = "debian://trixie"
packages = "apt"
providers = []
[phases.build]
cmds = ["echo begun && exec sleep 86399"]
[start]
cmd = "true"
`

// TestKilled ends a running build with a signal that it can handle, and with one that it cannot. After the next build it
// checks what remains: no process, no mount, no partial file, and the last good image.
func TestKilled(t *testing.T) {
	host := realHost(t)
	state := strings.TrimPrefix(host[0], "XDG_STATE_HOME=")
	app := t.TempDir()
	write := func(cmd string) {
		text := strings.Replace(sleeper, "echo begun && exec sleep 86399", cmd, 1)
		if err := os.WriteFile(filepath.Join(app, "nixpacks.toml"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	good := func() string {
		write("echo fine > made")
		if out, err := program(host, "build", "--progress", "plain", app).CombinedOutput(); err != nil {
			t.Fatalf("a build that should work: %v\n%s", err, out)
		}
		images, _ := filepath.Glob(filepath.Join(state, "nixpacks/images/apps/*/index.json"))
		if len(images) != 1 {
			t.Fatalf("images: %q", images)
		}
		index, err := os.ReadFile(images[0])
		if err != nil {
			t.Fatal(err)
		}
		return string(index)
	}
	before := good()
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		write("echo begun && exec sleep 86399")
		cmd, said := begin(t, program(host, "build", "--progress", "plain", app), "begun")
		cmd.Process.Signal(sig)
		cmd.Wait()
		if code := cmd.ProcessState.ExitCode(); sig == syscall.SIGTERM && code != 130 {
			t.Errorf("SIGTERM: exit %d\n%s", code, said())
		}
		if after := good(); after != before {
			t.Errorf("%v: the image was\n%s\nand is\n%s", sig, before, after)
		}
		nothingLeft(t, state)
	}
}

// program returns a command that runs this test binary as nixpacks.
func program(host []string, args ...string) *exec.Cmd {
	cmd := exec.Command("nixpacks", args...) // testscript puts it on PATH
	cmd.Env = append(os.Environ(), host...)
	return cmd
}

// begin starts a command and waits until it prints a word.
func begin(t *testing.T, cmd *exec.Cmd, word string) (*exec.Cmd, func() string) {
	t.Helper()
	out, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var said bytes.Buffer
	text := func() string { mu.Lock(); defer mu.Unlock(); return said.String() }
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		mu.Lock()
		said.WriteString(lines.Text() + "\n")
		mu.Unlock()
		// Match the step's own output, not its name.
		if f := strings.Fields(lines.Text()); len(f) > 0 && f[len(f)-1] == word && !strings.Contains(lines.Text(), "echo") {
			go io.Copy(io.Discard, out)
			return cmd, text
		}
	}
	cmd.Wait()
	t.Fatalf("it never said %q:\n%s", word, text())
	return nil, nil
}

// nothingLeft checks that no processes of steps and no mounts below the state remain.
func nothingLeft(t *testing.T, state string) {
	t.Helper()
	cmdlines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, f := range cmdlines {
		if b, err := os.ReadFile(f); err == nil && strings.Contains(string(b), "sleep\x0086399") {
			t.Errorf("%s still runs", strings.ReplaceAll(string(b), "\x00", " "))
		}
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	for l := range strings.Lines(string(mounts)) {
		if strings.Contains(l, state) {
			t.Errorf("a mount is left: %s", l)
		}
	}
	for _, pattern := range []string{"nixpacks/images/apps/.*", "nixpacks/images/.*"} {
		if left, _ := filepath.Glob(filepath.Join(state, pattern)); len(left) > 0 {
			t.Errorf("half written: %q", left)
		}
	}
}

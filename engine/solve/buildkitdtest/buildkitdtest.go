// Package buildkitdtest runs the servers of others that builds are tested with: a buildkitd of its own, and a registry
// (Debian's docker-registry), both on this machine alone. They end with the test.
package buildkitdtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Need ends a test whose machine lacks something: as skipped, or as failed with NIXPACKS_E2E=require.
func Need(t testing.TB, what string, err error) {
	t.Helper()
	switch {
	case err == nil:
	case os.Getenv("NIXPACKS_E2E") == "require":
		t.Fatalf("%s: %v", what, err)
	default:
		t.Skipf("%s: %v", what, err)
	}
}

// Program builds a program of BuildKit's module, buildkitd or buildctl, at a version; "" is the one that this program
// is built with. It is built once, into the user's cache.
func Program(t testing.TB, name, version string) string {
	t.Helper()
	path, err := program(name, version)
	Need(t, "building "+name, err)
	return path
}

var building sync.Mutex

func program(name, version string) (string, error) {
	building.Lock()
	defer building.Unlock()
	query := "github.com/moby/buildkit"
	if version != "" {
		query += "@" + version
	}
	cmd := exec.Command("go", "mod", "download", "-json", query)
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w", query, err)
	}
	var module struct{ Dir, Version string }
	if err := json.Unmarshal(out, &module); err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	path := filepath.Join(cache, "nixpacks-test", "buildkit-"+module.Version, name)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	// Beside its place and then renamed: tests of several packages may come at once.
	fresh := fmt.Sprintf("%s.%d", path, os.Getpid())
	cmd = exec.Command("go", "build", "-o", fresh, "./cmd/"+name)
	cmd.Dir = module.Dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-buildvcs=false", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return path, os.Rename(fresh, path)
}

// Buildkitd starts a buildkitd of a version ("" as for Program) and gives its address. more are arguments. Steps have this
// machine's network.
func Buildkitd(t testing.TB, version string, more ...string) string {
	t.Helper()
	if os.Getuid() != 0 {
		Need(t, "buildkitd", fmt.Errorf("only root can start it"))
	}
	runc, err := exec.LookPath("runc")
	Need(t, "buildkitd", err)
	dir, err := os.MkdirTemp("", "nixpacks-buildkitd")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	addr := "unix://" + filepath.Join(dir, "bk.sock")
	config := filepath.Join(dir, "buildkitd.toml")
	if err := os.WriteFile(config, nil, 0o600); err != nil { // the machine's own is not ours
		t.Fatal(err)
	}
	args := append([]string{"--config", config, "--addr", addr, "--root", filepath.Join(dir, "root"), "--oci-worker-binary", runc,
		"--oci-worker-net", "host", "--containerd-worker=false", "--allow-insecure-entitlement", "network.host"}, more...)
	start(t, exec.Command(Program(t, "buildkitd", version), args...), func() error {
		conn, err := net.Dial("unix", strings.TrimPrefix(addr, "unix://"))
		if err == nil {
			conn.Close()
		}
		return err
	})
	return addr
}

// Registry starts a registry and gives its HOST:PORT on loopback, which BuildKit and Docker talk to without TLS.
func Registry(t testing.TB) string {
	t.Helper()
	bin, err := exec.LookPath("docker-registry")
	Need(t, "a registry (Debian package docker-registry)", err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	dir := t.TempDir()
	config := filepath.Join(dir, "config.yml")
	text := fmt.Sprintf("version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\nstorage: {filesystem: {rootdirectory: %q}}\nhttp: {addr: %q}\n", filepath.Join(dir, "data"), addr)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, exec.Command(bin, "serve", config), func() error {
		resp, err := http.Get("http://" + addr + "/v2/")
		if err == nil {
			resp.Body.Close()
		}
		return err
	})
	return addr
}

// start runs a server until the test ends, and waits until it answers. What it says is shown if the test fails.
func start(t testing.TB, cmd *exec.Cmd, answers func() error) {
	t.Helper()
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	// A process group of its own, so that steps that still run end with it; and no server outlives a killed test.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		<-ended
		if t.Failed() {
			t.Logf("%s said:\n%s", filepath.Base(cmd.Path), tail(said.Bytes()))
		}
	})
	const patience = 30 * time.Second
	for until := time.Now().Add(patience); ; {
		err := answers()
		if err == nil {
			return
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("%s ended: %v\n%s", cmd.Path, err, tail(said.Bytes()))
		case <-time.After(50 * time.Millisecond):
		}
		if time.Now().After(until) {
			t.Fatalf("%s does not answer: %v", cmd.Path, err)
		}
	}
}

// tail is the end of what a server said.
func tail(b []byte) []byte {
	const enough = 2 << 10
	return b[max(0, len(b)-enough):]
}

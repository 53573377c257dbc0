package buildkitdtest

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Contained returns a command in its own namespaces: its mounts and all its processes vanish when it ends. Only root can
// start it.
func Contained(program string, args ...string) *exec.Cmd {
	const script = `mount --make-rprivate / && mount -t proc proc /proc && exec "$@"`
	cmd := exec.Command("sh", append([]string{"-c", script, "sh", program}, args...)...)
	cmd.SysProcAttr = contained()
	return cmd
}

// Start runs a server until the test ends, and waits until its log contains the text that it prints when it is ready. The
// log is shown if the test fails.
func Start(t testing.TB, cmd *exec.Cmd, ready string) {
	t.Helper()
	const patience, grace = 2 * time.Minute, 20 * time.Second
	said := &serverLog{ready: []byte(ready), up: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = said, said
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = bound()
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		force := time.AfterFunc(grace, func() { _ = cmd.Process.Kill() })
		defer force.Stop()
		<-ended
		if t.Failed() {
			t.Logf("%s: %v\n%s", filepath.Base(cmd.Path), cmd.ProcessState, said.text.Bytes())
		}
	})
	select {
	case <-said.up:
	case <-ended:
		t.Fatalf("%q ended before it was ready", cmd.Args)
	case <-time.After(patience):
		t.Fatalf("%q does not say %q", cmd.Args, ready)
	}
}

// serverLog keeps a server's output, and closes up when it contains ready.
type serverLog struct {
	mu    sync.Mutex
	text  bytes.Buffer
	ready []byte
	up    chan struct{}
}

func (l *serverLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(p)
	if l.ready != nil && bytes.Contains(l.text.Bytes(), l.ready) {
		close(l.up)
		l.ready = nil
	}
	return len(p), nil
}

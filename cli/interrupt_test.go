//go:build unix

package cli

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// reader starts nixpacks, and returns once it reads from the pipe, which has no other writer.
func reader(t *testing.T, pipe string, words *bytes.Buffer, args ...string) *exec.Cmd {
	t.Helper()
	must(t, syscall.Mkfifo(pipe, 0o600))
	cmd := exec.Command("nixpacks", args...)
	cmd.Stderr = words
	must(t, cmd.Start())
	stuck := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	t.Cleanup(func() { stuck.Stop() })
	for range time.Tick(10 * time.Millisecond) { // until it is opened for reading
		writer, err := os.OpenFile(pipe, os.O_WRONLY|syscall.O_NONBLOCK, 0)
		if err == nil {
			t.Cleanup(func() { writer.Close() })
			break
		}
		if cmd.Process.Signal(syscall.Signal(0)) != nil {
			t.Fatalf("it does not read: %v, %s", err, words.String())
		}
	}
	return cmd
}

// TestInterruptedReading interrupts a command that only reads and cannot end by itself, here from a pipe without a writer.
func TestInterruptedReading(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "plan.json")
	var words bytes.Buffer
	cmd := reader(t, pipe, &words, "llb", "--plan", pipe, dir)
	must(t, cmd.Process.Signal(syscall.SIGTERM))
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 130 || words.String() != "error: interrupted\n" {
		t.Errorf("exit code %d, %s", code, words.String())
	}
}

// TestInterruptedThrice interrupts a command that waits for an engine to clean up, while it reads from such a pipe. One interrupt
// does not end it, as an engine may need more time; three do.
func TestInterruptedThrice(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		dir := t.TempDir()
		must(t, os.WriteFile(filepath.Join(dir, "index.html"), nil, 0o644))
		pipe := filepath.Join(dir, "ca.pem")
		var words bytes.Buffer
		cmd := reader(t, pipe, &words, "build", "--builder", "tcp://127.0.0.1:9", "--tlscacert", pipe, dir)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_ = cmd.Wait()
		}()
		for n := range 3 {
			select {
			case <-ended:
				t.Fatalf("%v: it ended after %d: %s", sig, n, words.String())
			case <-time.After(interruptGrace + time.Second/2):
			}
			must(t, cmd.Process.Signal(sig))
		}
		select {
		case <-ended:
		case <-time.After(5 * time.Second):
			_ = cmd.Process.Kill()
			t.Fatalf("%v: three do not end it", sig)
		}
		if code := cmd.ProcessState.ExitCode(); code != 130 || !strings.Contains(words.String(), "error: interrupted, without waiting") {
			t.Errorf("%v: exit code %d, %s", sig, code, words.String())
		}
	}
}

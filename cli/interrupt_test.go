//go:build unix

package cli

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestInterruptedReading interrupts a command that only reads and cannot end by itself, here from a pipe without a writer.
func TestInterruptedReading(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "plan.json")
	must(t, syscall.Mkfifo(pipe, 0o600))
	var words bytes.Buffer
	cmd := exec.Command("nixpacks", "llb", "--plan", pipe, dir)
	cmd.Stderr = &words
	must(t, cmd.Start())
	stuck := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	defer stuck.Stop()
	for range time.Tick(10 * time.Millisecond) { // until it is opened for reading
		writer, err := os.OpenFile(pipe, os.O_WRONLY|syscall.O_NONBLOCK, 0)
		if err == nil {
			defer writer.Close()
			break
		}
		if cmd.Process.Signal(syscall.Signal(0)) != nil {
			t.Fatalf("it does not read: %v, %s", err, words.String())
		}
	}
	must(t, cmd.Process.Signal(syscall.SIGTERM))
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 130 || words.String() != "error: interrupted\n" {
		t.Errorf("exit code %d, %s", code, words.String())
	}
}

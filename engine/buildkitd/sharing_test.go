//go:build linux

package buildkitd

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// The second process is a client of the first, which stays until that is done.
func TestJoin(t *testing.T) {
	o := options(t)
	connect(t, options(t)) // ends the test on a machine that cannot build
	owner := startProcess(t, o.State, nil, "sleep", "1000s")
	owner.until("owner")
	owner.until("sleeping")
	other := startProcess(t, o.State, nil, "sleep", "1000s")
	other.until("joined")
	other.until("sleeping")
	if err := owner.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	owner.until(fmt.Sprintf("say: waiting for another nixpacks that uses this engine (process %d)", other.cmd.Process.Pid))
	if err := other.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	other.until("closed")
	owner.until("closed")
	nothingLeft(t, o)
}

// The client of a killed owner must be told from a failed build, and can go on: the cache is whole.
func TestOwnerDies(t *testing.T) {
	o := options(t)
	connect(t, options(t))
	owner := startProcess(t, o.State, nil, "sleep", "1000s")
	owner.until("sleeping")
	c, closer, joined, err := Connect(t.Context(), o)
	if err != nil || !joined {
		t.Fatal(joined, err)
	}
	w := &watcher{word: "sleeping", found: func() { _ = owner.cmd.Process.Kill() }}
	if err := buildTo(t.Context(), c, w, []string{"sleep", "1000s"}); !Lost(err) {
		t.Errorf("not told as lost: %v", err)
	}
	if err := closer(); err != nil {
		t.Error(err)
	}
	owner.end()
	c, closer, joined, err = Connect(t.Context(), o)
	if err != nil || joined {
		t.Fatal(joined, err)
	}
	if _, err := build(t.Context(), c, []string{"echo"}); err != nil || Lost(err) {
		t.Error(err)
	}
	if _, err := build(t.Context(), c, []string{"exit", "1"}); Lost(err) {
		t.Errorf("a failed build is told as lost: %v", err)
	}
	if err := closer(); err != nil {
		t.Error(err)
	}
	nothingLeft(t, o)
}

// The engine can be killed on its own, as the kernel does when memory is short: that is said, and is not our bug.
func TestEngineKilled(t *testing.T) {
	needLinked(t)
	o := options(t)
	connect(t, options(t))
	p := startProcess(t, o.State, nil, "sleep", "1000s")
	p.until("sleeping")
	for _, pid := range children(t, p.cmd.Process.Pid) {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	p.until("lost: true")
	p.until("close: the embedded engine was killed")
	p.end()
	gone(t)
}

// children lists the processes that a process started.
func children(t *testing.T, pid int) (out []int) {
	t.Helper()
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		dt, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range strings.Fields(string(dt)) {
			n, err := strconv.Atoi(s)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, n)
		}
	}
	if len(out) == 0 {
		t.Fatalf("process %d has no children", pid)
	}
	return out
}

// An owner that waits for others can be made to stop, and they learn of it.
func TestForce(t *testing.T) {
	o := options(t)
	connect(t, options(t))
	owner := startProcess(t, o.State, nil, "sleep", "1000s")
	owner.until("sleeping")
	other := startProcess(t, o.State, nil, "sleep", "1000s")
	other.until("joined")
	other.until("sleeping")
	for _, word := range []string{"say: waiting for another nixpacks", "closed"} {
		if err := owner.cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		owner.until(word)
	}
	nothingLeft(t, o)
	other.until("lost: true")
	other.end()
}

// Who wants other nameservers than the owner's waits for the lock.
func TestOtherSettingsWait(t *testing.T) {
	o := options(t)
	connect(t, options(t))
	owner := startProcess(t, o.State, nil, "sleep", "1000s")
	owner.until("sleeping")
	other := startProcess(t, o.State, []string{"BUILDKITD_TEST_DNS=127.0.0.9"}, "cat", "/etc/resolv.conf")
	other.until("with other settings (dns)")
	if err := owner.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	other.until("owner")
	other.until("nameserver 127.0.0.9")
	if code := other.end(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// An owner that only waits for others takes no newcomers, who are told so.
func TestNewcomerToDrain(t *testing.T) {
	o := options(t)
	connect(t, options(t))
	owner := startProcess(t, o.State, nil, "sleep", "1000s")
	owner.until("sleeping")
	joined := startProcess(t, o.State, nil, "sleep", "1000s")
	joined.until("sleeping")
	if err := owner.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	owner.until("say: waiting for another nixpacks")
	late := startProcess(t, o.State, nil, "echo", "late")
	late.until("to end")
	if err := joined.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	late.until("owner")
	late.until("[late]")
	late.until("closed")
}

// An interrupt must end the wait for the lock too.
func TestInterruptedWait(t *testing.T) {
	o := options(t)
	connect(t, options(t))
	owner := startProcess(t, o.State, nil, "sleep", "1000s")
	owner.until("sleeping")
	other := startProcess(t, o.State, []string{"BUILDKITD_TEST_DNS=127.0.0.9"}, "echo")
	other.until("with other settings (dns)")
	if err := other.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	other.until("error: interrupted while waiting")
	other.end()
	if err := owner.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	owner.until("closed")
}

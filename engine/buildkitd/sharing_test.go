//go:build linux

package buildkitd

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// The second process is a client of the first, which stays until the second is done.
func TestJoin(t *testing.T) {
	o := options(t)
	connect(t, options(t)) // skips the test on a machine that cannot build
	owner := startProcess(t, o.State, nil, "sleep", "1000s")
	owner.until("owner")
	owner.until("sleeping")
	other := startProcess(t, o.State, nil, "sleep", "1000s")
	other.until("joined")
	other.until("sleeping")
	if err := owner.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	owner.until(fmt.Sprintf("say: waiting for another nixpacks process that uses this engine (PID %d)", other.cmd.Process.Pid))
	if err := other.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	other.until("closed")
	owner.until("closed")
	nothingLeft(t, o)
}

// The client of a killed owner can tell this from a failed build, and can continue: the cache is intact.
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
	if err := buildTo(t.Context(), c, w, []string{"sleep", "1000s"}); !lost(err) {
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
	if _, err := build(t.Context(), c, []string{"echo"}); err != nil || lost(err) {
		t.Error(err)
	}
	if _, err := build(t.Context(), c, []string{"exit", "1"}); lost(err) {
		t.Errorf("a failed build is told as lost: %v", err)
	}
	if err := closer(); err != nil {
		t.Error(err)
	}
	nothingLeft(t, o)
}

// The kernel can kill the engine alone when memory runs out. This is reported, and not as our bug.
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

// children lists the child processes of a process.
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

// An owner that waits for others can be forced to stop, and the others get an error.
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

// A process with other nameservers than the owner's waits for the lock.
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

// A process that connects while the owner only waits for others joins it, and is waited for as well, even if the first
// joined processes have ended.
func TestNewcomerToDrain(t *testing.T) {
	o := options(t)
	connect(t, options(t))
	owner := startProcess(t, o.State, nil, "sleep", "1000s")
	owner.until("sleeping")
	guest := startProcess(t, o.State, nil, "sleep", "1000s")
	guest.until("joined")
	guest.until("sleeping")
	interrupt(t, owner)
	owner.until("say: waiting for another nixpacks")
	late := startProcess(t, o.State, nil, "sleep", "1000s")
	late.until("joined")
	late.until("sleeping")
	owner.until("say: waiting for 2 other nixpacks processes")
	interrupt(t, guest)
	guest.until("closed")
	owner.until(fmt.Sprintf("say: waiting for another nixpacks process that uses this engine (PID %d)", late.cmd.Process.Pid))
	interrupt(t, late)
	late.until("closed")
	owner.until("closed")
	nothingLeft(t, o)
}

// An owner does not stay forever: after a while, newcomers wait for the lock.
func TestDrainEnds(t *testing.T) {
	l, err := listenSocket(t.TempDir(), 0)
	if err != nil {
		t.Fatal(err)
	}
	dial := func() *net.UnixConn {
		c, err := dialSocket(t.Context(), l.dir)
		if err != nil {
			t.Fatal(err)
		}
		return c.(*net.UnixConn)
	}
	guest := dial()
	defer guest.Close()
	counted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if l.closeUnused() {
		t.Error("closed under a guest")
	}
	late := dial() // still in the queue when newcomers are refused
	defer late.Close()
	l.refuse()
	if n, err := late.Read(make([]byte, 1)); err == nil {
		t.Errorf("a newcomer who was refused reads %d bytes", n)
	}
	if _, err := dialSocket(t.Context(), l.dir); err == nil {
		t.Error("the socket is left")
	}
	if l.closeUnused() {
		t.Error("done, with a guest still there")
	}
	counted.Close()
	if !l.closeUnused() {
		t.Error("not done, with no guest left")
	}
}

func interrupt(t *testing.T, p *process) {
	t.Helper()
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
}

// An interrupt also ends the wait for the lock.
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

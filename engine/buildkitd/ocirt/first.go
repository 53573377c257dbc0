//go:build linux && cgo

package ocirt

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/opencontainers/runc/libcontainer"
	"golang.org/x/sys/unix"
)

// first is a process of a container; for the first one (p.Init) there is more to do than for others. The kernel spares that one, and no other, the signals that it has no
// handler for: a Node server or a shell script would go on for ever when it is asked to end. So the runtime
// does what a terminal does when its user presses Ctrl-C: the signal goes to all of the container's
// processes, and when the others are gone the first one has had its time.
type first struct {
	p     *libcontainer.Process
	once  sync.Once
	mu    sync.Mutex
	ended unix.Signal // that ended it in this way; 0 for none
}

const (
	pollOthers = 20 * time.Millisecond  // how often the runtime looks whether the first process is alone
	goodbye    = 500 * time.Millisecond // how long it may go on after those that it waited for
)

// signal passes a signal on. With tty the container's terminal has given it to the processes in its
// foreground already.
func (f *first) signal(s unix.Signal, tty bool) {
	pid, err := f.p.Pid()
	if err != nil {
		return
	}
	if !f.p.Init || !spared(pid, s) {
		if !tty {
			_ = f.p.Signal(s) // it may have ended already
		}
		return
	}
	company := others(pid)
	if !tty {
		for _, o := range company {
			_ = unix.Kill(o, s)
		}
	}
	// Those whom the signal ended at once are gone by now, and the first process may be about to say so. From a
	// terminal they had it even before this, so that nobody knows whether it had company.
	waits := tty || len(company) > 0
	f.once.Do(func() { go f.end(pid, s, waits) })
}

// end waits until the first process is alone, and ends it. One that waits for others, as a shell does, first
// gets the time to end by itself.
func (f *first) end(pid int, s unix.Signal, waits bool) {
	if waits {
		for len(others(pid)) > 0 {
			time.Sleep(pollOthers)
		}
		time.Sleep(goodbye)
	}
	f.mu.Lock()
	f.ended = s
	f.mu.Unlock()
	_ = f.p.Signal(unix.SIGKILL)
}

// status is the exit code for how the process ended: a signal that the kernel kept from it counts as the
// one that it died of.
func (f *first) status(ws syscall.WaitStatus) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case !ws.Signaled():
		return ws.ExitStatus()
	case ws.Signal() == unix.SIGKILL && f.ended != 0:
		return 128 + int(f.ended)
	}
	return 128 + int(ws.Signal())
}

// spared says whether a signal would end an ordinary process, but not this one, which is a container's first.
func spared(pid int, s unix.Signal) bool {
	switch s {
	case unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT:
	default:
		return false
	}
	raw, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return false
	}
	bit := uint64(1) << (s - 1)
	for line := range strings.Lines(string(raw)) {
		// a signal that is blocked is waited for
		name, value, _ := strings.Cut(line, ":")
		if name != "SigBlk" && name != "SigIgn" && name != "SigCgt" {
			continue
		}
		if mask, err := strconv.ParseUint(strings.TrimSpace(value), 16, 64); err != nil || mask&bit != 0 {
			return false
		}
	}
	return true
}

// others lists the processes in a container beside its first one: those in the same process namespace.
func others(pid int) []int {
	space, err := os.Readlink(filepath.Join("/proc", strconv.Itoa(pid), "ns/pid"))
	if err != nil {
		return nil
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var out []int
	for _, e := range entries {
		n, err := strconv.Atoi(e.Name())
		if err != nil || n == pid {
			continue
		}
		if s, err := os.Readlink(filepath.Join("/proc", e.Name(), "ns/pid")); err == nil && s == space && !zombie(n) {
			out = append(out, n)
		}
	}
	return out
}

// zombie says whether a process has ended, and its parent has not asked how.
func zombie(pid int) bool {
	raw, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	_, rest, _ := strings.Cut(string(raw[max(0, strings.LastIndexByte(string(raw), ')')):]), " ")
	return err != nil || strings.HasPrefix(rest, "Z")
}

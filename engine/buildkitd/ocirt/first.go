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

// first is a process of a container. The container's init process (p.Init) needs extra work: unlike other processes, it
// never receives a signal for which it has no handler, since the kernel drops that signal. A Node server or a shell
// script would ignore a request to end. So the runtime does what a terminal does on Ctrl-C: it sends the signal to all
// processes of the container. Once the others are gone, it kills the init process.
type first struct {
	p     *libcontainer.Process
	once  sync.Once
	mu    sync.Mutex
	ended unix.Signal // signal for which end killed the process; 0 for none
}

const (
	pollOthers = 20 * time.Millisecond  // how often the runtime checks whether the init process is alone
	grace      = 500 * time.Millisecond // how long the init process may run after the others have ended
)

// signal forwards a signal. With tty, the container's terminal has already sent it to its foreground processes.
func (f *first) signal(s unix.Signal, tty bool) {
	pid, err := f.p.Pid()
	if err != nil {
		return
	}
	if !f.p.Init || !ignored(pid, s) {
		if !tty {
			_ = f.p.Signal(s) // the process may have ended already
		}
		return
	}
	rest := others(pid)
	if !tty {
		for _, o := range rest {
			_ = unix.Kill(o, s)
		}
	}
	// The processes that the signal ended at once are gone by now, and the init process may be about to exit. From a
	// terminal, they received the signal even earlier, so it is unknown whether there were any.
	waits := tty || len(rest) > 0
	f.once.Do(func() { go f.end(pid, s, waits) })
}

// end waits until the init process is alone, and kills it. An init process that waits for others, as a shell does, first
// gets time to exit by itself.
func (f *first) end(pid int, s unix.Signal, waits bool) {
	if waits {
		for len(others(pid)) > 0 {
			time.Sleep(pollOthers)
		}
		time.Sleep(grace)
	}
	f.mu.Lock()
	f.ended = s
	f.mu.Unlock()
	_ = f.p.Signal(unix.SIGKILL)
}

// status returns the exit code. If end killed the process in place of an ignored signal, the exit code is that of the
// signal.
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

// ignored reports whether the signal would end an ordinary process, but not this init process of a container.
func ignored(pid int, s unix.Signal) bool {
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
		// a blocked signal counts as handled: the process is expected to wait for it
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

// others lists the other processes in a container: those in the same PID namespace as its init process.
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

// zombie reports whether a process has ended but has not been reaped by its parent.
func zombie(pid int) bool {
	raw, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	_, rest, _ := strings.Cut(string(raw[max(0, strings.LastIndexByte(string(raw), ')')):]), " ")
	return err != nil || strings.HasPrefix(rest, "Z")
}

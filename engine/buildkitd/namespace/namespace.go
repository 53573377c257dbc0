//go:build linux

// Package namespace starts this binary again in namespaces of its own. In a mount namespace, what it mounts is gone
// when it ends, however that happens. Who may not mount gets a user namespace around that, in which it is root and
// may. The host's network and processes stay.
package namespace

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"github.com/moby/sys/userns"
	"golang.org/x/sys/unix"
)

// mayMount says whether this process may mount file systems.
func mayMount() bool {
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&hdr, &data[0]); err != nil {
		return os.Geteuid() == 0
	}
	return data[unix.CAP_SYS_ADMIN/32].Effective&(1<<(unix.CAP_SYS_ADMIN%32)) != 0
}

// Inside says whether this process is in a user namespace of somebody's own, and not in the host's.
func Inside() bool { return userns.RunningInUserNS() }

// Child is a process in namespaces of its own.
type Child struct {
	// OneID is why its user namespace has no user but root, and "" where it has many, or the host's.
	OneID string

	done chan struct{}
	err  error
}

// firstFile is the descriptor in the child of the pipe by which it learns that it can begin; files follow.
const firstFile = 3

// FD is the descriptor in the child of files[i] of Start.
func FD(i int) uintptr { return uintptr(firstFile + 1 + i) }

// errMap is wrapped by the errors about the namespace's ids, as opposed to those about making it at all.
var errMap = errors.New("mapping user ids")

// IsMapError says that the namespace was made, but no ids could be given to it.
func IsMapError(err error) bool { return errors.Is(err, errMap) }

// Start runs this binary with argv0 as its whole command line, which calls Ready before anything else. The child
// is in a session of its own, so that a terminal's signals do not reach it, and is killed when this process dies,
// whatever it does.
func Start(argv0 string, files []*os.File, stderr io.Writer) (*Child, error) {
	pr, pw, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer pw.Close()
	defer pr.Close()
	cmd := exec.Command("/proc/self/exe")
	cmd.Args = []string{argv0}
	cmd.Stderr = stderr
	cmd.ExtraFiles = append([]*os.File{pr}, files...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL, Setsid: true}
	user := !mayMount()
	if user {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		// The child executes this binary while its user id has no meaning yet, and would lose all rights by
		// that; ambient ones stay.
		cmd.SysProcAttr.AmbientCaps = allCapabilities()
	}
	c, err := start(cmd)
	if err != nil {
		return nil, err
	}
	if user {
		c.OneID, err = mapIDs(cmd.Process.Pid)
	}
	if err == nil {
		_, err = pw.Write([]byte{1})
	}
	if err != nil {
		_ = cmd.Process.Kill()
		<-c.done
		return nil, fmt.Errorf("%w: %w", errMap, err)
	}
	return c, nil
}

// start starts cmd from a thread that stays as long as cmd runs: the kernel takes the end of the thread that forked
// for the parent's death.
func start(cmd *exec.Cmd) (*Child, error) {
	c := &Child{done: make(chan struct{})}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(c.done)
		if err := cmd.Start(); err != nil {
			started <- err
			return
		}
		started <- nil
		c.err = cmd.Wait()
	}()
	return c, <-started
}

// Wait waits for the child's end and says how it came about, as exec.Cmd.Wait does.
func (c *Child) Wait() error {
	<-c.done
	return c.err
}

// Ready is the child's side of Start: it returns when this process may begin. Mounts of the host still show up here,
// and nothing that is mounted here shows up there.
func Ready() error {
	f := os.NewFile(firstFile, "begin")
	defer f.Close()
	if _, err := io.ReadFull(f, make([]byte, 1)); err != nil {
		return fmt.Errorf("the parent process ended: %w", err)
	}
	if Inside() {
		// Not allowed, and not needed, where the namespace has a single group.
		if err := unix.Setgroups([]int{0}); err != nil && !errors.Is(err, unix.EPERM) {
			return os.NewSyscallError("setgroups", err)
		}
	}
	return os.NewSyscallError("mount", unix.Mount("", "/", "", unix.MS_SLAVE|unix.MS_REC, ""))
}

func allCapabilities() []uintptr {
	last := uint64(unix.CAP_LAST_CAP)
	if dt, err := os.ReadFile("/proc/sys/kernel/cap_last_cap"); err == nil {
		if n, err := strconv.ParseUint(strings.TrimSpace(string(dt)), 10, 8); err == nil {
			last = n
		}
	}
	var out []uintptr
	for n := uint64(0); n <= last; n++ {
		out = append(out, uintptr(n))
	}
	return out
}

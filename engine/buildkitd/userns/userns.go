//go:build linux

// Package userns starts this binary again as the root of a user and a mount namespace of its own: there it may
// mount file systems, which an ordinary user's process may not. It keeps the host's network and processes.
package userns

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

// Needed says whether this process lacks the right to mount.
func Needed() bool {
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&hdr, &data[0]); err != nil {
		return os.Geteuid() != 0
	}
	return data[unix.CAP_SYS_ADMIN/32].Effective&(1<<(unix.CAP_SYS_ADMIN%32)) == 0
}

// Inside says whether this process is in a user namespace of somebody's own, and not in the host's.
func Inside() bool { return userns.RunningInUserNS() }

// Child is a process in a namespace of its own.
type Child struct {
	// OneID is why the namespace has no user but root, and "" where it has many.
	OneID string

	done chan struct{}
	err  error
}

// firstFile is the descriptor in the child of the pipe by which it learns that its ids are mapped; files follow.
const firstFile = 3

// FD is the descriptor in the child of files[i] of Start.
func FD(i int) uintptr { return uintptr(firstFile + 1 + i) }

// errMap is wrapped by the errors about the namespace's ids, as opposed to those about making it at all.
var errMap = errors.New("mapping user ids")

// IsMapError says that the namespace was made, but no ids could be given to it.
func IsMapError(err error) bool { return errors.Is(err, errMap) }

// Start runs this binary with argv0 as its whole command line, which calls Ready before anything else. The child
// is in a session of its own, so that a terminal's signals do not reach it, and is killed when this process dies.
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
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		Pdeathsig:  syscall.SIGKILL,
		Setsid:     true,
		// The child executes this binary while its user id has no meaning yet, and would lose all rights by
		// that; ambient ones stay.
		AmbientCaps: allCapabilities(),
	}
	c := &Child{done: make(chan struct{})}
	started := make(chan error)
	go func() {
		// The kernel takes the end of the thread that forked for the parent's death.
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
	if err := <-started; err != nil {
		return nil, err
	}
	if c.OneID, err = mapIDs(cmd.Process.Pid); err == nil {
		_, err = pw.Write([]byte{1})
	}
	if err != nil {
		_ = cmd.Process.Kill()
		<-c.done
		return nil, fmt.Errorf("%w: %w", errMap, err)
	}
	return c, nil
}

// Done is closed when the child has ended.
func (c *Child) Done() <-chan struct{} { return c.done }

// Wait waits for the child's end and says how it came about, as exec.Cmd.Wait does.
func (c *Child) Wait() error {
	<-c.done
	return c.err
}

// Ready is the child's side of Start: it returns when this process is root in its namespace.
func Ready() error {
	f := os.NewFile(firstFile, "mapped")
	defer f.Close()
	if _, err := io.ReadFull(f, make([]byte, 1)); err != nil {
		return fmt.Errorf("the parent process ended: %w", err)
	}
	// Not allowed, and not needed, where the namespace has a single group.
	if err := unix.Setgroups([]int{0}); err != nil && !errors.Is(err, unix.EPERM) {
		return fmt.Errorf("setgroups: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_SLAVE|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("mount: %w", err)
	}
	return nil
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

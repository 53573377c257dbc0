//go:build linux

// Package namespace starts this binary again in its own namespaces. In a mount namespace, all mounts of the child vanish
// when it ends, however it ends. A user who may not mount gets a user namespace around that, in which the child is root
// and may mount. The child keeps the host's network and process namespaces.
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

// mayMount reports whether this process may mount file systems.
func mayMount() bool {
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&hdr, &data[0]); err != nil {
		return os.Geteuid() == 0
	}
	return data[unix.CAP_SYS_ADMIN/32].Effective&(1<<(unix.CAP_SYS_ADMIN%32)) != 0
}

// Inside reports whether this process is in a user namespace other than the host's.
func Inside() bool { return userns.RunningInUserNS() }

// Child is a process in its own namespaces.
type Child struct {
	// OneID says why root is the only user in the child's user namespace. It is "" if there are more users or no user
	// namespace.
	OneID string

	done chan struct{}
	err  error
}

// firstFile is the child's descriptor of the pipe that tells it to begin. The passed files follow.
const firstFile = 3

// FD returns the child's descriptor of files[i] passed to Start.
func FD(i int) uintptr { return uintptr(firstFile + 1 + i) }

// errMap marks errors in mapping ids, as opposed to errors in creating the namespace.
var errMap = errors.New("mapping user ids")

// IsMapError reports whether the namespace was created but its ids could not be mapped.
func IsMapError(err error) bool { return errors.Is(err, errMap) }

// Start runs this binary with argv0 as its whole command line. The child must call Ready before anything else. It runs in
// its own session, so that signals from the terminal do not reach it, and is killed when this process dies, whatever the
// child does.
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
		// The child executes this binary before its user id is mapped, and would lose all capabilities in that exec.
		// Ambient capabilities are kept.
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

// start starts cmd from a thread that lives as long as cmd. For the kernel (Pdeathsig), the parent dies when the thread
// that forked ends.
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

// Wait waits for the child and returns its result like exec.Cmd.Wait.
func (c *Child) Wait() error {
	<-c.done
	return c.err
}

// Ready must be called by the child first. It returns when the parent has finished the setup. Afterwards, new mounts of
// the host still appear in the child, but mounts of the child do not appear on the host.
func Ready() error {
	f := os.NewFile(firstFile, "begin")
	defer f.Close()
	if _, err := io.ReadFull(f, make([]byte, 1)); err != nil {
		return fmt.Errorf("the parent process ended: %w", err)
	}
	if Inside() {
		// Setgroups is not allowed, and not needed, if the namespace has a single group.
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

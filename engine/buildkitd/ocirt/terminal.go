//go:build linux && cgo

package ocirt

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/containerd/console"
	"github.com/opencontainers/runc/libcontainer"
	"golang.org/x/sys/unix"
)

// terminal connects a container's own terminal with the terminal that this process was started on. BuildKit passes the
// runtime a terminal as standard streams, but the container needs a terminal that exists in its own /dev/pts.
type terminal struct {
	outer   console.Console // the terminal passed to this process
	inner   *console.EpollConsole
	poll    *console.Epoller
	socket  *os.File // receives the inner terminal's descriptor from libcontainer
	copied  chan struct{}
	started bool
	// pressed is called for keys that make the terminal send a signal to its foreground processes.
	pressed func(unix.Signal)
}

var errNoTerminal = errors.New("a terminal is wanted, but none of the standard streams is one")

// newTerminal makes libcontainer create a terminal for p.
func newTerminal(p *libcontainer.Process) (*terminal, error) {
	t := &terminal{copied: make(chan struct{})}
	for _, f := range []*os.File{os.Stderr, os.Stdout, os.Stdin} {
		if c, err := console.ConsoleFromFile(f); err == nil {
			t.outer = c
			break
		}
	}
	if t.outer == nil {
		return nil, errNoTerminal
	}
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socketpair", err)
	}
	t.socket = os.NewFile(uintptr(fds[1]), "console")
	p.ConsoleSocket = os.NewFile(uintptr(fds[0]), "console")
	return t, nil
}

// Start receives the inner terminal, which exists once the process runs, and connects both terminals.
func (t *terminal) Start() error {
	f, err := receiveFile(t.socket)
	if err != nil {
		return fmt.Errorf("the container's terminal: %w", err)
	}
	in, err := console.ConsoleFromFile(f)
	if err != nil {
		return err
	}
	if err := console.ClearONLCR(in.Fd()); err != nil { // the outer terminal does that already
		return err
	}
	if t.poll, err = console.NewEpoller(); err != nil {
		return err
	}
	if t.inner, err = t.poll.Add(in); err != nil {
		return err
	}
	if err := t.outer.SetRaw(); err != nil {
		return err
	}
	t.started = true
	t.Resize()
	go func() { _ = t.poll.Wait() }()
	go func() { _, _ = io.Copy(keys{t}, os.Stdin) }()
	go func() {
		_, _ = io.Copy(os.Stdout, t.inner)
		close(t.copied)
	}()
	return nil
}

// keys writes typed input to the inner terminal.
type keys struct{ t *terminal }

func (k keys) Write(p []byte) (int, error) {
	n, err := k.t.inner.Write(p)
	mode, e := unix.IoctlGetTermios(int(k.t.inner.Fd()), unix.TCGETS)
	if e != nil || mode.Lflag&unix.ISIG == 0 {
		return n, err
	}
	for _, b := range p[:n] {
		switch b {
		case mode.Cc[unix.VINTR]:
			k.t.pressed(unix.SIGINT)
		case mode.Cc[unix.VQUIT]:
			k.t.pressed(unix.SIGQUIT)
		}
	}
	return n, err
}

// Resize sets the inner terminal to the outer terminal's size.
func (t *terminal) Resize() { _ = t.inner.ResizeFrom(t.outer) }

// Close waits until all output has been copied, and resets the outer terminal.
func (t *terminal) Close() {
	_ = t.socket.Close()
	if !t.started {
		return
	}
	_ = t.inner.Shutdown(t.poll.CloseConsole)
	<-t.copied
	_ = t.inner.Close()
	_ = t.outer.Reset()
}

// receiveFile receives one descriptor from a Unix socket.
func receiveFile(socket *os.File) (*os.File, error) {
	name, oob := make([]byte, 4096), make([]byte, unix.CmsgSpace(4))
	n, oobn, _, _, err := unix.Recvmsg(int(socket.Fd()), name, oob, unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("recvmsg", err)
	}
	msgs, err := unix.ParseSocketControlMessage(oob[:oobn])
	if err != nil {
		return nil, err
	}
	if len(msgs) != 1 {
		return nil, fmt.Errorf("%d messages instead of 1", len(msgs))
	}
	fds, err := unix.ParseUnixRights(&msgs[0])
	if err != nil || len(fds) != 1 {
		return nil, fmt.Errorf("%d descriptors instead of 1: %w", len(fds), err)
	}
	return os.NewFile(uintptr(fds[0]), string(name[:n])), nil
}

package buildkitd

import (
	"context"
	"errors"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"
)

const (
	socketName = "bk.sock"
	ownerName  = "owner.json"
)

// socketPath returns the address of dir's socket. A socket address has room for 107 bytes; a longer path is reached
// through a descriptor of the directory. The caller must call done after use.
func socketPath(dir string) (path string, done func(), err error) {
	path = filepath.Join(dir, socketName)
	if len(path) < 108 {
		return path, func() {}, nil
	}
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", nil, &os.PathError{Op: "open", Path: dir, Err: err}
	}
	return filepath.Join("/proc/self/fd", strconv.Itoa(fd), socketName), func() { _ = unix.Close(fd) }, nil
}

func dialSocket(ctx context.Context, dir string) (net.Conn, error) {
	path, done, err := socketPath(dir)
	if err != nil {
		return nil, err
	}
	defer done()
	return new(net.Dialer).DialContext(ctx, "unix", path)
}

// shared is the owner's socket, together with owner.json. It tracks the other processes that are connected.
type shared struct {
	*net.UnixListener
	dir  string
	self int // connections of this process are not counted
	once sync.Once

	mu      sync.Mutex
	refuses bool          // newcomers
	peers   map[*peer]int // process ids
	changed chan struct{} // holds a token after a peer connected or disconnected
}

type peer struct {
	net.Conn
	l *shared
}

// listenSocket replaces the socket of a killed owner. The caller holds the lock of dir.
func listenSocket(dir string, self int) (*shared, error) {
	name := filepath.Join(dir, socketName)
	if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	path, done, err := socketPath(dir)
	if err != nil {
		return nil, err
	}
	defer done()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false) // path may be invalid by then
	if err := os.Chmod(name, 0o600); err != nil {
		l.Close()
		return nil, err
	}
	return &shared{UnixListener: l, dir: dir, self: self, peers: map[*peer]int{}, changed: make(chan struct{}, 1)}, nil
}

// Accept waits for the next connection.
func (l *shared) Accept() (net.Conn, error) {
	c, err := l.AcceptUnix()
	if err != nil {
		return nil, err
	}
	pid := peerID(c)
	if pid == l.self {
		return c, nil
	}
	p := &peer{Conn: c, l: l}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.refuses {
		c.Close()
		return nil, net.ErrClosed
	}
	l.peers[p] = pid
	l.signal()
	return p, nil
}

// closeUnused refuses newcomers if no other process is connected, and reports whether it did. A process that is just
// connecting sees its connection closed, and waits for the lock.
func (l *shared) closeUnused() bool {
	l.mu.Lock()
	unused := len(l.peers) == 0
	l.refuses = l.refuses || unused
	l.mu.Unlock()
	if unused {
		_ = l.Close()
	}
	return unused
}

// refuse stops accepting connections: newcomers wait for the lock.
func (l *shared) refuse() {
	l.mu.Lock()
	l.refuses = true
	l.mu.Unlock()
	_ = l.Close()
}

// Close stops listening and removes the socket, so that newcomers wait for the lock. It does so only once, since a later
// socket belongs to the next owner.
func (l *shared) Close() error {
	err := net.ErrClosed
	l.once.Do(func() {
		_ = os.Remove(filepath.Join(l.dir, ownerName))
		_ = os.Remove(filepath.Join(l.dir, socketName))
		err = l.UnixListener.Close()
	})
	return err
}

// signal wakes the goroutine that waits for a change.
func (l *shared) signal() {
	select {
	case l.changed <- struct{}{}:
	default:
	}
}

// Close closes the connection.
func (p *peer) Close() error {
	p.l.mu.Lock()
	delete(p.l.peers, p)
	p.l.signal()
	p.l.mu.Unlock()
	return p.Conn.Close()
}

// others lists the connected processes, without duplicates.
func (l *shared) others() []int {
	l.mu.Lock()
	defer l.mu.Unlock()
	seen := map[int]bool{}
	for _, pid := range l.peers {
		seen[pid] = true
	}
	return slices.Sorted(maps.Keys(seen))
}

// peerID returns the process id of the peer, or 0 if it is unknown.
func peerID(c *net.UnixConn) int {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0
	}
	pid := 0
	_ = raw.Control(func(fd uintptr) {
		if cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			pid = int(cred.Pid)
		}
	})
	return pid
}

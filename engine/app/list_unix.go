//go:build unix

package app

import (
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// handle is an open directory. It is opened when it is first listed, from its parent's and without following
// links: one system call a directory, where os.Root walks the path from the top and then looks at
// every entry.
type handle struct {
	parent *handle // nil for the app's directory
	root   *os.Root
	name   string
	file   *os.File
}

func (h *handle) open() error {
	if h.file != nil {
		return nil
	}
	if h.parent == nil {
		return h.openTop()
	}
	if err := h.parent.open(); err != nil {
		return err
	}
	fd, err := unix.Openat(int(h.parent.file.Fd()), h.name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	h.file = os.NewFile(uintptr(fd), h.name)
	return nil
}

// openTop opens the directory anew: a file that comes from an os.Root looks at every entry that it lists.
func (h *handle) openTop() error {
	top, err := h.root.Open(".")
	if err != nil {
		return err
	}
	defer top.Close()
	fd, err := unix.FcntlInt(top.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return err
	}
	h.file = os.NewFile(uintptr(fd), ".")
	return nil
}

func (h *handle) list() ([]fs.DirEntry, error) {
	if err := h.open(); err != nil {
		return nil, err
	}
	return h.file.ReadDir(-1)
}

func (h *handle) close() {
	if h.file != nil {
		h.file.Close()
	}
}

func (h *handle) below(name string) *handle { return &handle{parent: h, name: name} }

package app

import (
	"bytes"
	"encoding/binary"
	"os"
	"slices"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// handle is an open directory. It is opened on its first listing, relative to its parent and without following symlinks.
// Entries are read with getdents: four system calls per directory and one allocation for all of its paths. os.Root, in
// contrast, resolves the path from the top and calls lstat for every entry.
type handle struct {
	parent *handle // nil for the app's directory
	root   *os.Root
	name   string
	fd     int // the descriptor plus one; 0 if not open
}

func (h *handle) open() (int, error) {
	if h.fd > 0 {
		return h.fd - 1, nil
	}
	fd, err := h.openNew()
	if err != nil {
		return -1, err
	}
	h.fd = fd + 1
	return fd, nil
}

func (h *handle) openNew() (int, error) {
	if h.parent == nil {
		top, err := h.root.Open(".")
		if err != nil {
			return -1, err
		}
		defer top.Close()
		return unix.FcntlInt(top.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	}
	above, err := h.parent.open()
	if err != nil {
		return -1, err
	}
	return unix.Openat(above, h.name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
}

func (h *handle) close() {
	if h.fd > 0 {
		unix.Close(h.fd - 1)
		h.fd = 0
	}
}

func (h *handle) below(name string) lister { return &handle{parent: h, name: name} }

// listBuffer is large enough to hold all entries of most directories.
const listBuffer = 32 << 10

// prepare opens the directory, so that its subdirectories can be listed concurrently.
func (h *handle) prepare() error {
	_, err := h.open()
	return err
}

func (h *handle) list(prefix string, buf *[]byte) []entry {
	fd, err := h.open()
	if err != nil {
		return nil
	}
	if *buf == nil {
		*buf = make([]byte, listBuffer)
	}
	var out []entry
	for {
		n, err := unix.Getdents(fd, *buf)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil
		}
		if n == 0 {
			return out
		}
		if out = parseEntries(out, (*buf)[:n], prefix, fd); len(out) > MaxEntries {
			return out // the caller refuses this many
		}
	}
}

// Offsets of the fields of struct linux_dirent64, see getdents64(2).
const (
	direntLength = unsafe.Offsetof(unix.Dirent{}.Reclen)
	direntType   = unsafe.Offsetof(unix.Dirent{}.Type)
	direntName   = unsafe.Offsetof(unix.Dirent{}.Name)
)

func parseEntries(out []entry, buf []byte, prefix string, fd int) []entry {
	n := 0
	for rest := buf; len(rest) > int(direntName); rest = rest[direntSize(rest):] {
		n++
	}
	out = slices.Grow(out, n)
	var paths strings.Builder // every path is a substring of it
	paths.Grow(len(buf) + n*(len(prefix)-int(direntName)))
	for len(buf) > int(direntName) {
		rec := buf[:direntSize(buf)]
		buf = buf[len(rec):]
		name, _, _ := bytes.Cut(rec[direntName:], []byte{0})
		if string(name) == "." || string(name) == ".." {
			continue
		}
		start := paths.Len()
		paths.WriteString(prefix)
		paths.Write(name)
		e := entry{path: paths.String()[start:], base: int32(len(prefix))}
		kind := rec[direntType]
		if kind == unix.DT_UNKNOWN {
			kind = askKind(fd, e.name())
		}
		e.dir, e.file, e.link = kind == unix.DT_DIR, kind == unix.DT_REG, kind == unix.DT_LNK
		out = append(out, e)
	}
	return out
}

func direntSize(rec []byte) int { return int(binary.NativeEndian.Uint16(rec[direntLength:])) }

// askKind returns the type of an entry on file systems whose getdents does not report it.
func askKind(fd int, name string) byte {
	var st unix.Stat_t
	if unix.Fstatat(fd, name, &st, unix.AT_SYMLINK_NOFOLLOW) != nil {
		return unix.DT_UNKNOWN
	}
	return byte(st.Mode & unix.S_IFMT >> 12) // the kernel's IFTODT
}

package app

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"strings"
	"syscall"
	"unicode/utf8"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// MaxFile is the maximum size in bytes of a file that is read. Lock files of large apps have 5 to 20 MB.
const MaxFile = 64 << 20

// maxKept is the size in bytes of the file cache. Searching all sources of an app must not keep them all in memory.
const maxKept = 32 << 20

type content struct {
	name string
	data []byte
	ok   bool
	err  error
}

// Text returns the text of a file: UTF-8, without a byte order mark, with "\n" line ends. ok reports
// whether the file exists. A file that cannot be read is a fault (Refused).
func (a *App) Text(name string) (text string, ok bool, err error) {
	data, ok, err := a.Bytes(name)
	if err != nil || !ok {
		return "", ok, err
	}
	if !utf8.Valid(data) {
		return "", true, notUTF8(name, data)
	}
	return string(data), true, nil
}

// Bytes is Text without the check for UTF-8. Callers must not modify the bytes.
func (a *App) Bytes(name string) ([]byte, bool, error) {
	if in, there, ok := a.outside(name); ok {
		data, ok, err := in.Bytes(there)
		return data, ok, fromOutside(err, name)
	}
	name, ok := clean(name)
	if !ok {
		return nil, false, nil
	}
	c := a.files[name]
	if c == nil {
		c = &content{name: name}
		c.data, c.ok, c.err = a.read(name)
		if a.kept+len(c.data) <= maxKept {
			a.kept += len(c.data)
			a.files[name] = c
		}
	}
	if c.ok {
		a.last.Store(&c.name)
	}
	return c.data, c.ok, c.err
}

// read opens the file without blocking, so that a named pipe cannot stall it, and checks the type only after opening,
// because the file may be replaced by a pipe in between.
func (a *App) read(name string) ([]byte, bool, error) {
	if data, ok := a.src.quick(name); ok {
		return data, true, nil
	}
	f, err := a.src.open(name)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.ENAMETOOLONG):
		return nil, false, nil
	case err != nil:
		return nil, true, unreadable(name, err)
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, true, unreadable(name, err)
	case info.IsDir():
		return nil, false, nil
	case !info.Mode().IsRegular():
		return nil, true, fault.New(fault.Refused, "%s is not a regular file", name).WithPos(fault.Pos{File: name})
	case info.Size() > MaxFile:
		return nil, true, tooLarge(name)
	}
	var b bytes.Buffer
	b.Grow(int(info.Size()) + bytes.MinRead)
	n, err := b.ReadFrom(io.LimitReader(f, MaxFile+1)) // the file may have grown since Stat
	switch {
	case err != nil:
		return nil, true, unreadable(name, err)
	case n > MaxFile:
		return nil, true, tooLarge(name)
	}
	return normal(b.Bytes()), true, nil
}

// WindowsScript reports whether a file is a script, by its first line (#!), with Windows line ends.
func (a *App) WindowsScript(name string) bool {
	const longest = 256 // maximum length in bytes of a first line, as in the kernel
	name, ok := clean(name)
	info, there := a.Stat(name)
	if !ok || !there || !info.Mode().IsRegular() {
		return false
	}
	f, err := a.src.open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, longest)
	n, _ := io.ReadFull(f, head)
	line, _, ended := bytes.Cut(head[:n], []byte("\n"))
	return ended && bytes.HasPrefix(line, []byte("#!")) && bytes.HasSuffix(line, []byte("\r"))
}

// normal strips a byte order mark and converts line ends to "\n".
func normal(data []byte) []byte {
	data = bytes.TrimPrefix(data, []byte("\uFEFF"))
	if bytes.IndexByte(data, '\r') >= 0 {
		data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	}
	return data
}

func tooLarge(name string) error {
	return fault.New(fault.Refused, "%s is larger than %d MB, the limit for files of an app", name, MaxFile>>20).
		WithPos(fault.Pos{File: name}).WithHint("if the build does not need it, list it in .gitignore")
}

func unreadable(name string, err error) error {
	f := fault.New(fault.Refused, "cannot read %s", name).WithPos(fault.Pos{File: name})
	f.Err = err
	if errors.Is(err, fs.ErrPermission) {
		return f.WithHint("make it readable: chmod u+r %s", name)
	}
	return f.WithHint("symlinks that lead outside the app's directory are not followed; replace the symlink with the file")
}

func notUTF8(name string, data []byte) error {
	off := 0
	for off < len(data) {
		r, n := utf8.DecodeRune(data[off:])
		if r == utf8.RuneError && n == 1 {
			break
		}
		off += n
	}
	at := PosAt(name, string(data[:off]), off)
	return fault.New(fault.Refused, "%s is not UTF-8 text: byte 0x%02X", name, data[off]).
		WithPos(at).WithHint("save the file as UTF-8")
}

// PosAt returns the position of the byte offset off in the text of a file.
func PosAt(name, text string, off int) fault.Pos {
	off = min(max(off, 0), len(text))
	before := text[:off]
	return fault.Pos{File: name, Line: 1 + strings.Count(before, "\n"), Col: off - strings.LastIndexByte(before, '\n')}
}

package app

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"unicode/utf8"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// MaxFile is the size in bytes of the largest file that is read. Lockfiles of large apps have 5 to 20 MB.
const MaxFile = 64 << 20

type content struct {
	data []byte
	ok   bool
	err  error
}

// Text is the text of a file: UTF-8, without a byte order mark, every line ended by "\n" alone. ok tells
// whether there is such a file; one that cannot be read is a fault (Refused).
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

// Bytes is Text without the demand that the file is UTF-8. The bytes are not to be changed.
func (a *App) Bytes(name string) ([]byte, bool, error) {
	name, ok := clean(name)
	if !ok {
		return nil, false, nil
	}
	c := a.files[name]
	if c == nil {
		c = &content{}
		c.data, c.ok, c.err = a.read(name)
		a.files[name] = c
	}
	return c.data, c.ok, c.err
}

func (a *App) read(name string) ([]byte, bool, error) {
	info, err := a.root.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.ENAMETOOLONG):
		return nil, false, nil
	case err != nil:
		return nil, true, unreadable(name, err)
	case info.IsDir():
		return nil, false, nil
	case !info.Mode().IsRegular():
		return nil, true, fault.New(fault.Refused, "%s is not a regular file", name).WithPos(fault.Pos{File: name})
	}
	data, err := a.readRegular(name)
	if err != nil {
		return nil, true, unreadable(name, err)
	}
	data = bytes.TrimPrefix(data, []byte("\uFEFF"))
	if bytes.IndexByte(data, '\r') >= 0 {
		data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	}
	return data, true, nil
}

var errTooLarge = errors.New("file too large")

// readRegular opens without blocking: what was a file a moment ago may be a pipe by now.
func (a *App) readRegular(name string) ([]byte, error) {
	f, err := a.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	if info.Size() > MaxFile {
		return nil, errTooLarge
	}
	var b bytes.Buffer
	b.Grow(int(info.Size()) + bytes.MinRead)
	n, err := b.ReadFrom(io.LimitReader(f, MaxFile+1))
	if n > MaxFile {
		return nil, errTooLarge
	}
	return b.Bytes(), err
}

func unreadable(name string, err error) error {
	at := fault.Pos{File: name}
	if errors.Is(err, errTooLarge) {
		return fault.New(fault.Refused, "%s is larger than %d MB, more than is read of an app", name, MaxFile>>20).
			WithPos(at).WithHint("if the app does not need it to be built, name it in .gitignore")
	}
	f := fault.New(fault.Refused, "cannot read %s", name).WithPos(at)
	f.Err = err
	if errors.Is(err, fs.ErrPermission) {
		return f.WithHint("make it readable: chmod u+r %s", name)
	}
	return f.WithHint("a link that leads out of the app's directory is not followed; put the file itself there")
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

// PosAt is the place of the byte at offset off in the text of a file.
func PosAt(name, text string, off int) fault.Pos {
	off = min(max(off, 0), len(text))
	before := text[:off]
	return fault.Pos{File: name, Line: 1 + strings.Count(before, "\n"), Col: off - strings.LastIndexByte(before, '\n')}
}

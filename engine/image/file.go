package image

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// File is a file that appears at its path complete, at Commit, or not at all. If the path is a character device, such as
// /dev/null, or a pipe that something reads, such as /dev/stdout, File writes to it directly.
type File struct {
	*os.File
	temp *temp
}

// Create starts a file whose final path is dest.
func Create(dest string) (*File, error) {
	if st, err := os.Stat(dest); err == nil && !st.Mode().IsRegular() {
		f, err := special(dest, st.Mode())
		if err != nil {
			return nil, err
		}
		return &File{File: f}, nil
	}
	t, err := newTemp(dest, func(path string) (*os.File, error) {
		return os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
	})
	if err != nil {
		return nil, err
	}
	return &File{t.lock, t}, nil
}

// special opens a destination that is not a regular file. It does not wait for a reader of a pipe: nothing could interrupt that.
func special(dest string, mode fs.FileMode) (*os.File, error) {
	switch {
	case mode.IsDir():
		return nil, fault.New(fault.Usage, "%s is a directory", dest).WithHint("name a file in it")
	case mode&(fs.ModeCharDevice|fs.ModeNamedPipe) == 0:
		return nil, fault.New(fault.Usage, "%s is neither a file nor a pipe", dest).WithHint("name a file that exists, or a new one")
	}
	f, err := os.OpenFile(dest, os.O_WRONLY|noWait, 0)
	if mode&fs.ModeNamedPipe != 0 && errors.Is(err, syscall.ENXIO) {
		return nil, fault.New(fault.Usage, "%s is a pipe that nothing reads", dest).WithHint("start the program that reads it first, or name a file")
	}
	return f, fault.Wrap(fault.Usage, err, "cannot write to %s", dest)
}

// Commit renames the file to its final path.
func (f *File) Commit() error {
	if f.temp == nil {
		return fault.Wrap(fault.Usage, f.File.Close(), "cannot write %s", f.Name())
	}
	err := os.Rename(f.temp.path, f.temp.dest)
	if err != nil {
		f.Abort()
		return fault.Wrap(fault.Usage, err, "cannot write %s", f.temp.dest)
	}
	return fault.Wrap(fault.Usage, f.File.Close(), "cannot write %s", f.temp.dest)
}

// Abort removes the file.
func (f *File) Abort() {
	if f.temp == nil {
		f.File.Close()
		return
	}
	f.temp.remove()
}

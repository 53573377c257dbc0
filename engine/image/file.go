package image

import (
	"os"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// File is a file that appears at its path complete, at Commit, or not at all. If the path is a device or a pipe, File
// writes to it directly.
type File struct {
	*os.File
	temp *temp
}

// Create starts a file whose final path is dest.
func Create(dest string) (*File, error) {
	if st, err := os.Stat(dest); err == nil && !st.Mode().IsRegular() {
		if st.IsDir() {
			return nil, fault.New(fault.Usage, "%s is a directory", dest).WithHint("name a file in it")
		}
		f, err := os.OpenFile(dest, os.O_WRONLY, 0)
		return &File{File: f}, fault.Wrap(fault.Usage, err, "cannot write to %s", dest)
	}
	t, err := newTemp(dest, func(path string) (*os.File, error) {
		return os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
	})
	if err != nil {
		return nil, err
	}
	return &File{t.lock, t}, nil
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

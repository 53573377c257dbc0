package image

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// Folder is a directory of plain files that is written beside its final path.
type Folder struct {
	temp    *temp
	replace bool

	mu      sync.Mutex // a builder may still write when the build is aborted
	unpacks *unpacking // nil before Writer
	aborted bool
}

// NewFolder starts a directory whose final path is dest. With replace, Commit replaces an existing directory; without,
// it moves the files into that directory, one rename each, and keeps other files.
func NewFolder(dest string, replace bool) (*Folder, error) {
	if st, err := os.Stat(dest); err == nil && !st.IsDir() {
		return nil, fault.New(fault.Usage, "%s is not a directory", dest)
	}
	t, err := newTemp(dest, func(path string) (*os.File, error) {
		if err := os.Mkdir(path, 0o755); err != nil {
			return nil, err
		}
		return os.Open(path)
	})
	if err != nil {
		return nil, err
	}
	return &Folder{temp: t, replace: replace}, nil
}

// Writer receives the folder's files as a tar. Close waits until they are written, and returns the error if one could
// not be; Write returns it as well.
func (f *Folder) Writer() (io.WriteCloser, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.aborted {
		return nil, errAborted
	}
	f.unpacks = unpack(f.temp.path)
	return f.unpacks, nil
}

// Abort removes the folder.
func (f *Folder) Abort() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.aborted = true
	if f.unpacks != nil {
		f.unpacks.stop()
	}
	f.temp.remove()
}

// Commit moves the folder to its final path. If a file would replace a directory, or the other way round, it changes
// nothing and returns a Usage fault that names the file.
func (f *Folder) Commit() error {
	empty, err := isEmpty(f.temp.dest)
	if err == nil && (f.replace || empty) {
		return fault.Wrap(fault.Usage, f.temp.replace(), "cannot write %s", f.temp.dest)
	}
	defer f.Abort()
	if err == nil {
		if err = f.walk(conflict); err == nil {
			err = f.walk(move)
		}
	}
	return fault.Wrap(fault.Usage, err, "cannot write %s", f.temp.dest)
}

func isEmpty(dir string) (bool, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	return len(entries) == 0, err
}

// walk visits every entry with its final path.
func (f *Folder) walk(visit func(from, to string, d fs.DirEntry) error) error {
	return filepath.WalkDir(f.temp.path, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == f.temp.path {
			return err
		}
		rel, err := filepath.Rel(f.temp.path, path)
		if err != nil {
			return err
		}
		return visit(path, filepath.Join(f.temp.dest, rel), d)
	})
}

func conflict(_, to string, d fs.DirEntry) error {
	st, err := os.Lstat(to)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if st.IsDir() != d.IsDir() {
		return fault.New(fault.Usage, "%s conflicts with a %s that the build writes", to, kind(d)).WithHint("remove it, or use another directory")
	}
	return nil
}

func kind(d fs.DirEntry) string {
	if d.IsDir() {
		return "directory"
	}
	return "file"
}

// move renames entries, but descends into directories that already exist at the destination.
func move(from, to string, d fs.DirEntry) error {
	if d.IsDir() {
		if st, err := os.Lstat(to); err == nil && st.IsDir() {
			return nil
		}
	}
	if err := os.Rename(from, to); err != nil {
		return err
	}
	if d.IsDir() {
		return fs.SkipDir
	}
	return nil
}

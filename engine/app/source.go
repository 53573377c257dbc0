package app

import (
	"io/fs"
	"os"
	"path"
	"sync"
	"syscall"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// source provides the files of an app.
type source interface {
	Stat(name string) (fs.FileInfo, error)  // follows symlinks
	Lstat(name string) (fs.FileInfo, error) // does not follow symlinks
	Close() error
	// open does not block on a named pipe without a writer.
	open(name string) (fs.File, error)
	readDir(name string) ([]fs.DirEntry, error)
	sub(dir string) (source, error)
	// files returns the directory for other readers, who must check file types themselves.
	files() (fs.FS, error)
	// top returns the directory as the start of a recursive listing.
	top() lister
	// quick reads a regular file faster than open. It returns false if the caller must use open.
	quick(name string) ([]byte, bool)
}

// lister is a directory that can be listed.
type lister interface {
	// list returns the entries in any order, or none if the directory cannot be read. buf is a scratch buffer for the kernel
	// to write to, allocated if nil.
	list(prefix string, buf *[]byte) []entry
	below(name string) lister
	// prepare makes it safe to list the subdirectories concurrently.
	prepare() error
	close()
}

// directory is a directory of the local file system.
type directory struct {
	*os.Root
	topOnce sync.Once
	topFile *os.File // the directory itself, for quick
	topErr  error
}

func (d *directory) Close() error {
	if d.topFile != nil {
		d.topFile.Close()
	}
	return d.Root.Close()
}

func (d *directory) open(name string) (fs.File, error) {
	f, err := d.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (d *directory) readDir(name string) ([]fs.DirEntry, error) { return fs.ReadDir(d.FS(), name) }

func (d *directory) sub(dir string) (source, error) {
	root, err := d.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &directory{Root: root}, nil
}

// files reopens the directory. The garbage collector closes that handle.
func (d *directory) files() (fs.FS, error) {
	root, err := d.OpenRoot(".")
	if err != nil {
		return nil, err
	}
	return root.FS(), nil
}

func (d *directory) top() lister { return &handle{root: d.Root} }

// FromFS returns the app in a file system. If the file system has symlinks, it must implement fs.ReadLinkFS's Lstat and must
// not follow them out of the app. name stands for the directory in messages, and its last element is the directory's
// name.
func FromFS(fsys fs.FS, name string) *App { return newApp(fileSystem{fsys}, name) }

// fileSystem is a source backed by an fs.FS.
type fileSystem struct{ fs.FS }

func (f fileSystem) Stat(name string) (fs.FileInfo, error)      { return fs.Stat(f.FS, name) }
func (f fileSystem) Lstat(name string) (fs.FileInfo, error)     { return fs.Lstat(f.FS, name) }
func (f fileSystem) Close() error                               { return nil }
func (f fileSystem) open(name string) (fs.File, error)          { return f.Open(name) }
func (f fileSystem) readDir(name string) ([]fs.DirEntry, error) { return fs.ReadDir(f.FS, name) }
func (f fileSystem) files() (fs.FS, error)                      { return f.FS, nil }
func (f fileSystem) top() lister                                { return walked{f.FS, "."} }
func (f fileSystem) quick(string) ([]byte, bool)                { return nil, false }

func (f fileSystem) sub(dir string) (source, error) {
	below, err := fs.Sub(f.FS, dir)
	if err != nil {
		return nil, err
	}
	if info, err := fs.Stat(f.FS, dir); err != nil || !info.IsDir() {
		return nil, fault.New(fault.Usage, "%s is not a directory", dir)
	}
	return fileSystem{below}, nil
}

// walked is a directory that is listed with io/fs.
type walked struct {
	fsys fs.FS
	name string
}

func (w walked) list(prefix string, _ *[]byte) []entry {
	ents, err := fs.ReadDir(w.fsys, w.name)
	if err != nil {
		return nil
	}
	out := make([]entry, len(ents))
	for i, d := range ents {
		kind := d.Type()
		out[i] = entry{path: prefix + d.Name(), base: int32(len(prefix)), dir: d.IsDir(), file: kind.IsRegular(), link: kind&fs.ModeSymlink != 0}
	}
	return out
}

func (w walked) below(name string) lister { return walked{w.fsys, path.Join(w.name, name)} }
func (walked) prepare() error             { return nil }
func (walked) close()                     {}

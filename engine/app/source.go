package app

import (
	"io/fs"
	"os"
	"path"
	"sync"
	"syscall"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// source is where the files of an app are.
type source interface {
	Stat(name string) (fs.FileInfo, error)  // links followed
	Lstat(name string) (fs.FileInfo, error) // the link itself
	Close() error
	// open does not wait for the writer of a pipe.
	open(name string) (fs.File, error)
	readDir(name string) ([]fs.DirEntry, error)
	sub(dir string) (source, error)
	// files are those of the directory for others to read, who see to it that they are files.
	files() (fs.FS, error)
	// top is the directory itself, to be listed with all below it.
	top() lister
	// quick reads a regular file at less cost than open; false sends the caller there.
	quick(name string) ([]byte, bool)
}

// lister is a directory that can be listed.
type lister interface {
	// list is the entries, in any order; none where the directory cannot be read. buf is for the kernel to write to, and made
	// where it is nil.
	list(prefix string, buf *[]byte) []entry
	below(name string) lister
	// prepare makes ready for listing the directories below side by side.
	prepare() error
	close()
}

// directory is one of this machine.
type directory struct {
	*os.Root
	topOnce sync.Once
	topFile *os.File // the directory, where files are read the quick way
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

// files opens the directory once more; that handle is closed when nobody uses it any longer.
func (d *directory) files() (fs.FS, error) {
	root, err := d.OpenRoot(".")
	if err != nil {
		return nil, err
	}
	return root.FS(), nil
}

func (d *directory) top() lister { return &handle{root: d.Root} }

// FromFS is the app that the file system holds. It must have fs.ReadLinkFS's Lstat where it has links, and must not
// lead out of the app by them. name stands for the directory in messages, and its last element for the directory's own
// name.
func FromFS(fsys fs.FS, name string) *App { return newApp(fileSystem{fsys}, name) }

// fileSystem is one that somebody else reads.
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

// walked is a directory that is listed by io/fs's own means.
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

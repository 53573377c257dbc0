package ignore

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// Of returns the rules for a plan's build context, after inspecting the files (Look): an app, or the part of a
// repository that becomes /app. dir is the app's or the repository's directory on this machine.
func Of(dir string, d plan.Defaults, p *plan.Plan, made func(*plan.Phase) []string) (*Rules, error) {
	fsys, err := open(dir)
	if err != nil {
		return nil, err
	}
	defer fsys.root.Close()
	r, err := ReadAt(fsys, p.App, d)
	if err == nil {
		r, err = r.For(p, made)
	}
	if err != nil {
		return nil, err
	}
	if p.App != nil && p.App.Root != "." {
		if fsys, err = open(filepath.Join(dir, filepath.FromSlash(p.App.Root))); err != nil {
			return nil, err
		}
		defer fsys.root.Close()
	}
	return r, r.Look(fsys)
}

// directory lists by path, which is fast, and reads through os.Root: a symlink put in a file's place cannot lead
// outside.
type directory struct {
	root *os.Root
	dir  string
}

func open(dir string) (directory, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return directory{}, fault.Wrap(fault.Usage, err, "cannot read the app's directory %s", dir)
	}
	return directory{root, dir}, nil
}

// Open does not block on a pipe without a writer.
func (d directory) Open(name string) (fs.File, error) {
	f, err := d.root.OpenFile(filepath.FromSlash(name), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err // not an interface that holds a nil *os.File
	}
	return f, nil
}

func (d directory) Stat(name string) (fs.FileInfo, error) {
	return d.root.Stat(filepath.FromSlash(name))
}

func (d directory) ReadDir(name string) ([]fs.DirEntry, error) {
	return os.ReadDir(filepath.Join(d.dir, filepath.FromSlash(name)))
}

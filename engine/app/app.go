// Package app reads an app's source directory: which entries exist, what files contain, which paths match a
// pattern. It never reads outside the directory, follows no symlink out of it, does not block on
// named pipes, and limits sizes and counts.
package app

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// App is an open source directory, on this machine or in another file system (FromFS). It caches what it has read, up to a limit.
// It must not be used by several goroutines at once, except where a method says so.
type App struct {
	src   source
	dir   string
	files map[string]*content
	kept  int // bytes in files
	dirs  map[string]*folder
	seen  int // entries in dirs
	last  *atomic.Pointer[string]

	repository *App   // the repository that contains the app, nil if none
	place      string // the app's directory in the repository
	closes     bool   // Close also closes the repository

	listed   map[string][]entry // directories listed ahead, until they move to dirs
	listBufs []*[]byte          // getdents buffers, one per worker
}

// Open opens the directory dir. A path that is not a readable directory is a fault (Usage).
func Open(dir string) (*App, error) {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fault.New(fault.Usage, "there is no directory %s", dir).WithHint("give the path of the app's source directory")
	case err != nil:
		return nil, fault.Wrap(fault.Usage, err, "cannot open the app's directory")
	case !info.IsDir():
		return nil, fault.New(fault.Usage, "%s is not a directory", dir).WithHint("give the path of the app's source directory")
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fault.Wrap(fault.Usage, err, "cannot open the app's directory")
	}
	return newApp(&directory{Root: root}, dir), nil
}

func newApp(src source, dir string) *App {
	return &App{src: src, dir: dir, files: map[string]*content{}, dirs: map[string]*folder{}, last: new(atomic.Pointer[string]), listed: map[string][]entry{}, listBufs: []*[]byte{new([]byte)}}
}

// Close closes the directory.
func (a *App) Close() error {
	err := a.src.Close()
	if a.closes {
		err = errors.Join(err, a.repository.Close())
	}
	return err
}

// Dir is the path given to Open, joined with the paths given to Sub.
func (a *App) Dir() string { return a.dir }

// Name is the base name of the directory's absolute path.
func (a *App) Name() (string, error) {
	abs, err := filepath.Abs(a.dir)
	if err != nil {
		return "", fault.Wrap(fault.Usage, err, "cannot tell the name of %s", a.dir)
	}
	return filepath.Base(abs), nil
}

// Sub opens a subdirectory of the app as a separate app.
func (a *App) Sub(dir string) (*App, error) {
	src, err := a.src.sub(dir)
	if err != nil {
		return nil, fault.Wrap(fault.Usage, err, "cannot open %s in the app's directory", dir)
	}
	below := newApp(src, filepath.Join(a.dir, filepath.FromSlash(dir)))
	below.last = a.last
	return below, nil
}

// Last returns the path of the file read last, or "" if none. For a file of a subdirectory (Sub), the path is relative to that.
// It is safe to call from any goroutine.
func (a *App) Last() string {
	if name := a.last.Load(); name != nil {
		return *name
	}
	return ""
}

// Costly returns the fault for an app that takes too much of what, "time" or "memory", to be analyzed. It is safe to call from
// any goroutine.
func (a *App) Costly(what string) *fault.Fault {
	f := fault.New(fault.Refused, "analyzing the app takes too much %s", what).
		WithHint("list files and folders that do not belong to the app in .gitignore")
	if last := a.Last(); last != "" {
		f = f.WithPos(fault.Pos{File: last, Label: "last file read"})
	}
	return f
}

// Stat describes the file at a path of the app and follows symlinks. It reports false for a missing file and for one outside.
func (a *App) Stat(name string) (fs.FileInfo, bool) {
	if in, there, ok := a.outside(name); ok {
		return in.Stat(there)
	}
	name, ok := clean(name)
	if !ok {
		return nil, false
	}
	info, err := a.src.Stat(name)
	return info, err == nil
}

// Entry describes the entry at a path of the app without following a symlink. It reports false if there is none.
func (a *App) Entry(name string) (fs.FileInfo, bool) {
	if in, there, ok := a.outside(name); ok {
		return in.Entry(there)
	}
	name, ok := clean(name)
	if !ok {
		return nil, false
	}
	info, err := a.src.Lstat(name)
	return info, err == nil
}

// FS returns the directory as a file system. Callers must check themselves that a file is regular and not too large. The file
// system does not lead out of the app and stays usable after Close.
func (a *App) FS() (fs.FS, error) {
	files, err := a.src.files()
	return files, fault.Wrap(fault.Usage, err, "cannot open the app's directory")
}

// TopDirs returns the names of the app's top-level directories without .git, sorted.
func (a *App) TopDirs() ([]string, error) {
	ents, err := a.src.readDir(".")
	if err != nil {
		return nil, fault.Wrap(fault.Usage, err, "cannot list %s", a.dir)
	}
	var out []string
	for _, e := range ents {
		if e.IsDir() && e.Name() != ".git" {
			out = append(out, e.Name())
		}
	}
	return out, nil
}

// clean returns name in the form that io/fs requires. It reports false if name cannot be a path inside the app.
func clean(name string) (string, bool) {
	if name == "" || strings.ContainsRune(name, 0) {
		return "", false
	}
	name = path.Clean(name)
	return name, fs.ValidPath(name)
}

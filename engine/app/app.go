// Package app reads an app's source directory: what is there, what files say, which paths match a
// pattern. It never reads anything outside the directory, follows no symbolic link out of it, blocks
// on no pipe, and keeps to limits on size and number.
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

// App is an open source directory, of this machine or elsewhere (FromFS). It remembers what it has read, up to a limit. It is for one goroutine at
// a time.
type App struct {
	src   source
	dir   string
	files map[string]*content
	kept  int // bytes in files
	dirs  map[string]*folder
	seen  int // entries in dirs
	last  *atomic.Pointer[string]

	repository *App   // that it is part of, nil for none
	place      string // its directory there
	closes     bool   // the repository, too

	listed   map[string][]entry // directories that were listed ahead, until dirs has them
	listBufs []*[]byte          // for the kernel to list into, one a worker
}

// Open opens the directory dir. It is a fault (Usage) where dir is no directory that can be read.
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

// Close lets go of the directory.
func (a *App) Close() error {
	err := a.src.Close()
	if a.closes {
		err = errors.Join(err, a.repository.Close())
	}
	return err
}

// Dir is the directory as it was given to Open, with what Sub appended.
func (a *App) Dir() string { return a.dir }

// Name is the directory's own name, as an absolute path would show it.
func (a *App) Name() (string, error) {
	abs, err := filepath.Abs(a.dir)
	if err != nil {
		return "", fault.Wrap(fault.Usage, err, "cannot tell the name of %s", a.dir)
	}
	return filepath.Base(abs), nil
}

// Sub opens the directory dir of the app as an app of its own.
func (a *App) Sub(dir string) (*App, error) {
	src, err := a.src.sub(dir)
	if err != nil {
		return nil, fault.Wrap(fault.Usage, err, "cannot open %s in the app's directory", dir)
	}
	below := newApp(src, filepath.Join(a.dir, filepath.FromSlash(dir)))
	below.last = a.last
	return below, nil
}

// Last names the file that was read last, "" for none; in a directory below, by its path there. Unlike all else it may be
// asked at any time.
func (a *App) Last() string {
	if name := a.last.Load(); name != nil {
		return *name
	}
	return ""
}

// Costly is the fault for an app that takes too much of what, "time" or "memory", to be looked at. It may be asked for at any
// time.
func (a *App) Costly(what string) *fault.Fault {
	f := fault.New(fault.Refused, "the app takes too much %s to be looked at", what).
		WithHint("name files and folders that do not belong to it in .gitignore")
	if last := a.Last(); last != "" {
		f = f.WithPos(fault.Pos{File: last, Label: "what was read last"})
	}
	return f
}

// Stat tells what is at a path of the app, links followed; false for nothing, and for what is outside.
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

// Entry tells what bears the name at a path of the app, a link itself and not what it leads to; false for nothing.
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

// FS is the directory for readers of their own, who must see to it that what they read is a file and not too large. It leads
// nowhere out of the app, and outlives it.
func (a *App) FS() (fs.FS, error) {
	files, err := a.src.files()
	return files, fault.Wrap(fault.Usage, err, "cannot open the app's directory")
}

// TopDirs names the directories at the top of the app, sorted, .git left out.
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

// clean is name as io/fs wants it; false where it cannot be a path inside the app.
func clean(name string) (string, bool) {
	if name == "" || strings.ContainsRune(name, 0) {
		return "", false
	}
	name = path.Clean(name)
	return name, fs.ValidPath(name)
}

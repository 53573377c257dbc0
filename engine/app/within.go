package app

import (
	"path"
	"slices"
	"strings"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// Within opens the directory dir as a separate app that is part of this repository: paths that begin with "../" lead to
// other files of the repository. The repository must stay open as long as the app.
func (a *App) Within(dir string) (*App, error) {
	name, ok := clean(dir)
	info, there := a.Stat(name)
	switch {
	case !ok || strings.HasPrefix(dir, "/"):
		return nil, fault.New(fault.Usage, "%s is not a path in %s", dir, a.dir).
			WithHint("give the app's directory relative to it, such as apps/web")
	case !there:
		return nil, fault.New(fault.Usage, "there is no directory %s in %s", dir, a.dir).
			WithHint("the app's directory is relative to PATH, the repository")
	case !info.IsDir():
		return nil, fault.New(fault.Usage, "%s in %s is not a directory", dir, a.dir)
	}
	below, err := a.Sub(name)
	if err != nil {
		return nil, err
	}
	if name != "." {
		below.repository, below.place = a, name
	}
	return below, nil
}

// OpenWithin opens the directory dir of the repository at path (Within), or path itself if dir is "" (Open).
func OpenWithin(path, dir string) (*App, error) {
	a, err := Open(path)
	if err != nil || dir == "" {
		return a, err
	}
	below, err := a.Within(dir)
	if err != nil || below.repository == nil {
		a.Close()
		if err == nil { // dir is the repository itself
			below.Close()
			return Open(path)
		}
		return nil, err
	}
	below.closes = true
	return below, nil
}

// Repository returns the repository that contains the app (Within) and the app's directory in it, or nil if there is none.
func (a *App) Repository() (*App, string) { return a.repository, a.place }

// outside resolves a path that leads out of the app into its repository.
func (a *App) outside(name string) (in *App, there string, ok bool) {
	if a.repository == nil || !strings.HasPrefix(name, "../") {
		return nil, "", false
	}
	return a.repository, path.Join(a.place, name), true
}

// fromOutside replaces the repository's path in a fault with the path relative to the app.
func fromOutside(err error, name string) error {
	f, ok := err.(*fault.Fault)
	if !ok {
		return err
	}
	here := *f // a copy, because the repository caches the fault
	here.At = slices.Clone(f.At)
	for i := range here.At {
		here.At[i].File = name
	}
	return &here
}

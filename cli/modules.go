package cli

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	ucli "github.com/urfave/cli/v2"

	"github.com/nixpacks-cue/nixpacks/engine/app"
	"github.com/nixpacks-cue/nixpacks/engine/catalog"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/lock"
	"github.com/nixpacks-cue/nixpacks/engine/modules"
)

// modulesFolder is the folder of fetched modules in the cache.
const modulesFolder = "modules"

// registries returns the registries of CUE modules.
func registries(c *ucli.Context, h *Host) (*modules.Registries, error) {
	cache, err := h.cacheDir()
	if err != nil {
		return nil, err
	}
	return modules.Open(modules.Options{
		Env:     slices.Concat(h.Environ, h.CUE),
		Cache:   filepath.Join(cache, modulesFolder),
		Offline: c.Bool("offline"),
		Say:     speaker(c, h),
	}), nil
}

// lockedProviders returns the providers of the modules in the app's lock, ordered by module name.
func lockedProviders(c *ucli.Context, h *Host, a *app.App) ([]*catalog.Catalog, error) {
	l, err := h.pinned(a)
	if err != nil || len(l.Providers) == 0 && !c.Bool("offline") {
		return nil, err
	}
	from, err := registries(c, h)
	if err == nil {
		err = nothingMissing(c, from, append(pinsOf(l.Providers), policyPins(c, l)...))
	}
	if err != nil {
		return nil, err
	}
	return pinnedProviders(c, from, l)
}

// pinsOf returns the pins ordered by module name.
func pinsOf(pins map[string]lock.Module) []lock.Pin {
	var out []lock.Pin
	for _, path := range slices.Sorted(maps.Keys(pins)) {
		out = append(out, lock.Pin{Path: path, Module: pins[path]})
	}
	return out
}

// pinnedProviders returns the providers of the modules in a lock.
func pinnedProviders(c *ucli.Context, from *modules.Registries, l *lock.Lock) ([]*catalog.Catalog, error) {
	var out []*catalog.Catalog
	for _, pin := range pinsOf(l.Providers) {
		m, err := from.Get(c.Context, pin)
		if err != nil {
			return nil, err
		}
		cat, err := catalog.LoadAny(m.FS, m.String())
		if err != nil {
			return nil, err
		}
		out = append(out, cat)
	}
	return out, refuseDuplicates(out)
}

// modulesOf returns the built-in providers together with those of the modules in a lock.
func modulesOf(c *ucli.Context, from *modules.Registries, l *lock.Lock) (*catalog.Catalog, error) {
	extra, err := pinnedProviders(c, from, l)
	if err != nil {
		return nil, err
	}
	cat, err := catalog.Builtin()
	if err != nil {
		return nil, err
	}
	return cat.Beside(extra...)
}

// lockOf returns the lock of the app at path, or in --app below it, and the file that holds the lock or would hold it.
func lockOf(c *ucli.Context, path string) (l *lock.Lock, file string, err error) {
	a, err := app.OpenWithin(path, c.String("app"))
	if err != nil {
		return nil, "", err
	}
	defer a.Close()
	l, err = lock.Of(a)
	return l, filepath.ToSlash(filepath.Join(path, c.String("app"), lock.Path(a))), err
}

// pinned returns the pins of the app: its lock, or the lock that the command is about to write.
func (h *Host) pinned(a *app.App) (*lock.Lock, error) {
	if h.pins != nil {
		return h.pins, nil
	}
	return lock.Of(a)
}

// nothingMissing returns one error about all modules that are not on this machine and may not be fetched.
func nothingMissing(c *ucli.Context, from *modules.Registries, pins []lock.Pin) error {
	if !c.Bool("offline") {
		return nil
	}
	var lines []string
	for _, pin := range pins {
		if !from.Missing(pin) {
			continue
		}
		line := "module " + pin.String() + " " + pin.Digest
		if at := from.Where(pin); at != "" {
			line += ", from " + at
		}
		lines = append(lines, line)
	}
	if lines == nil {
		return nil
	}
	f := fault.New(fault.TryAgain, "required modules are not on this machine, and --offline prevents fetching them").
		WithHint("run once without --offline to cache them")
	f.Detail = strings.Join(lines, "\n")
	return f
}

// refuseDuplicates refuses modules that have providers of the same name, because nobody has chosen between them.
func refuseDuplicates(all []*catalog.Catalog) error {
	from := map[string]string{}
	for _, cat := range all {
		for _, name := range cat.Names() {
			p, _ := cat.Get(name)
			if other, taken := from[name]; taken {
				return fault.New(fault.Refused, "%s and %s both contain a provider called %q", other, p.From(), name).
					WithHint("remove one of them from %s: nixpacks providers rm MODULE", lock.File)
			}
			from[name] = p.From()
		}
	}
	return nil
}

// writeLock writes an app's lock, or removes the file if the lock pins nothing.
func writeLock(file string, l *lock.Lock) error {
	if !l.Empty() {
		return writeFile(file, string(l.JSON()))
	}
	if err := os.Remove(file); !errors.Is(err, fs.ErrNotExist) {
		return fault.Wrap(fault.Usage, err, "cannot remove %s", file)
	}
	return nil
}

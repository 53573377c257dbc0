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

// modulesFolder is where modules that were fetched lie in the cache.
const modulesFolder = "modules"

// registries are those of CUE's modules.
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

// lockedProviders are the providers of the modules that the app's lock names, in the order of the modules' names.
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

// pinsOf are pins in the order of the modules' names.
func pinsOf(pins map[string]lock.Module) []lock.Pin {
	var out []lock.Pin
	for _, path := range slices.Sorted(maps.Keys(pins)) {
		out = append(out, lock.Pin{Path: path, Module: pins[path]})
	}
	return out
}

// pinnedProviders are those of the modules of a lock.
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
	return out, apart(out)
}

// modulesOf are the built-in providers with those of a lock's modules.
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

// lockOf is the lock of the app that the command line names, at path, and the file that it is in or would be.
func lockOf(c *ucli.Context, path string) (l *lock.Lock, file string, err error) {
	a, err := app.OpenWithin(path, c.String("app"))
	if err != nil {
		return nil, "", err
	}
	defer a.Close()
	l, err = lock.Of(a)
	return l, filepath.ToSlash(filepath.Join(path, c.String("app"), lock.Path(a))), err
}

// pinned is what the app is pinned to: by its lock, or by the one that the command is about to write.
func (h *Host) pinned(a *app.App) (*lock.Lock, error) {
	if h.pins != nil {
		return h.pins, nil
	}
	return lock.Of(a)
}

// nothingMissing names all modules at once that are not here and may not be fetched.
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
	f := fault.New(fault.TryAgain, "modules are needed that are not on this machine, and --offline keeps from fetching them").
		WithHint("run once without --offline: what is fetched is kept")
	f.Detail = strings.Join(lines, "\n")
	return f
}

// apart refuses modules with providers of the same name: which of them counts would be nobody's choice.
func apart(all []*catalog.Catalog) error {
	from := map[string]string{}
	for _, cat := range all {
		for _, name := range cat.Names() {
			p, _ := cat.Get(name)
			if other, taken := from[name]; taken {
				return fault.New(fault.Refused, "%s and %s both hold a provider called %q", other, p.From(), name).
					WithHint("take one of them out of %s: nixpacks providers rm MODULE", lock.File)
			}
			from[name] = p.From()
		}
	}
	return nil
}

// writeLock writes an app's lock, or removes one that pins nothing.
func writeLock(file string, l *lock.Lock) error {
	if !l.Empty() {
		return writeFile(file, string(l.JSON()))
	}
	if err := os.Remove(file); !errors.Is(err, fs.ErrNotExist) {
		return fault.Wrap(fault.Usage, err, "cannot remove %s", file)
	}
	return nil
}

package cli

import (
	"os"
	"slices"
	"strings"

	ucli "github.com/urfave/cli/v2"

	"github.com/nixpacks-cue/nixpacks/engine/app"
	"github.com/nixpacks-cue/nixpacks/engine/catalog"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/lock"
	"github.com/nixpacks-cue/nixpacks/engine/modules"
)

// isModule reports whether --policy names a module in a registry, and not an existing file.
func isModule(name string) bool {
	path, _, ok := strings.Cut(name, "@v")
	if _, err := os.Lstat(name); !ok || err == nil {
		return false
	}
	host, _, ok := strings.Cut(path, "/")
	return ok && strings.Contains(host, ".") && strings.Trim(host, ".") != ""
}

// policyModules returns the registries of the modules in --policy; nil if there are no such modules.
func policyModules(c *ucli.Context, h *Host, a *app.App) (*modules.Registries, error) {
	if !slices.ContainsFunc(c.StringSlice("policy"), isModule) {
		return nil, nil
	}
	from, err := registries(c, h)
	if err != nil || !c.Bool("offline") {
		return from, err
	}
	l, err := lock.Of(a)
	if err != nil {
		return nil, err
	}
	return from, nothingMissing(c, from, policyPins(c, l))
}

// modulePolicy reads the policies in a module. The digest comes from the flag or from the app's lock.
func modulePolicy(c *ucli.Context, from *modules.Registries, a *app.App, name string) ([]catalog.Source, error) {
	pin, err := policyPin(c, from, a, name)
	if err != nil {
		return nil, err
	}
	m, err := from.Get(c.Context, pin)
	if err != nil {
		return nil, err
	}
	return policiesIn(m)
}

// policiesIn returns the policies in a module.
func policiesIn(m *modules.Module) ([]catalog.Source, error) {
	sources, err := catalog.ReadSources(m.FS, ".", m.String())
	if err == nil && len(sources) == 0 {
		err = fault.New(fault.Usage, "%s contains no policy", m).WithHint("policies are .cue files at the top of the module")
	}
	return sources, err
}

// policyPin returns the pin of a module that --policy names, from the flag itself or from the app's lock.
func policyPin(c *ucli.Context, from *modules.Registries, a *app.App, name string) (lock.Pin, error) {
	named, _, given := strings.Cut(name, "@sha256:")
	if given { // regardless of the app's lock
		return givenPin(name)
	}
	l, err := lock.Of(a)
	if err != nil {
		return lock.Pin{}, err
	}
	if pin, ok := lockedPolicy(l, named); ok {
		return pin, nil
	}
	f := fault.New(fault.Usage, "--policy %s is not pinned, so its content could change", name)
	if _, v, _ := strings.Cut(named, "@"); strings.Contains(v, ".") {
		pin, err := modules.PinOf(named, "")
		if err != nil {
			return pin, err
		}
		if locked, ok := l.Policies[pin.Path]; ok {
			f = fault.New(fault.Refused, "%s pins %s to %s, and --policy asks for %s", lock.File, pin.Path, locked.Version, pin.Version)
		}
	}
	which := named + "@sha256:DIGEST"
	if m, err := from.Find(c.Context, named); err == nil {
		f.Detail = "its current digest in the registry is " + m.Digest
		which = m.String() + "@" + m.Digest
	}
	return lock.Pin{}, f.WithHint("give the digest: --policy %s\nor pin it in the app's %s: nixpacks lock --policy %s", which, lock.File, named)
}

// givenPin returns the pin in MODULE@VERSION@DIGEST.
func givenPin(name string) (lock.Pin, error) {
	named, digest, _ := strings.Cut(name, "@sha256:")
	return modules.PinOf(named, "sha256:"+digest)
}

// lockedPolicy returns the pin in a lock for MODULE@VERSION, or for MODULE@v1, which stands for any version of that major
// version. It returns false if there is none.
func lockedPolicy(l *lock.Lock, named string) (lock.Pin, bool) {
	if locked, ok := l.Policies[named]; ok {
		return lock.Pin{Path: named, Module: locked}, true
	}
	pin, err := modules.PinOf(named, "")
	if err != nil {
		return pin, false
	}
	locked, ok := l.Policies[pin.Path]
	return lock.Pin{Path: pin.Path, Module: locked}, ok && locked.Version == pin.Version
}

// policyPins returns the pins of the modules in --policy, without those that are not pinned.
func policyPins(c *ucli.Context, l *lock.Lock) (out []lock.Pin) {
	for _, name := range c.StringSlice("policy") {
		if !isModule(name) {
			continue
		}
		pin, err := givenPin(name)
		ok := err == nil && lock.IsDigest(pin.Digest)
		if !ok {
			pin, ok = lockedPolicy(l, name)
		}
		if ok {
			out = append(out, pin)
		}
	}
	return out
}

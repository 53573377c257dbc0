package cli

import (
	"os"
	"strings"

	ucli "github.com/urfave/cli/v2"

	"github.com/nixpacks-cue/nixpacks/engine/app"
	"github.com/nixpacks-cue/nixpacks/engine/catalog"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/lock"
	"github.com/nixpacks-cue/nixpacks/engine/modules"
)

// isModule tells whether --policy names a module of a registry, and no file that is there.
func isModule(name string) bool {
	path, _, ok := strings.Cut(name, "@v")
	if _, err := os.Lstat(name); !ok || err == nil {
		return false
	}
	host, _, ok := strings.Cut(path, "/")
	return ok && strings.Contains(host, ".") && strings.Trim(host, ".") != ""
}

// modulePolicy reads the policies in a module. Its digest is the flag's, or that of the app's lock.
func modulePolicy(c *ucli.Context, h *Host, a *app.App, name string) ([]catalog.Source, error) {
	from, err := registries(c, h)
	if err != nil {
		return nil, err
	}
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

// policiesIn are the policies of a module.
func policiesIn(m *modules.Module) ([]catalog.Source, error) {
	sources, err := catalog.ReadSources(m.FS, ".", m.String())
	if err == nil && len(sources) == 0 {
		err = fault.New(fault.Usage, "%s holds no policy", m).WithHint("policies are files whose names end in .cue, at the top of the module")
	}
	return sources, err
}

// policyPin is what a module is pinned to that --policy names: MODULE@VERSION@DIGEST says it itself, and MODULE@VERSION, as well as
// MODULE@v1 for any of that major version, means what the app's lock says.
func policyPin(c *ucli.Context, from *modules.Registries, a *app.App, name string) (lock.Pin, error) {
	named, digest, given := strings.Cut(name, "@sha256:")
	if given {
		return modules.PinOf(named, "sha256:"+digest)
	}
	l, err := lock.Of(a)
	if err != nil {
		return lock.Pin{}, err
	}
	if locked, ok := l.Policies[named]; ok {
		return lock.Pin{Path: named, Module: locked}, nil
	}
	f := fault.New(fault.Usage, "--policy %s is not pinned, and so could be something else tomorrow", name)
	if _, v, _ := strings.Cut(named, "@"); strings.Contains(v, ".") {
		pin, err := modules.PinOf(named, "")
		if err != nil {
			return pin, err
		}
		locked, ok := l.Policies[pin.Path]
		if ok && locked.Version == pin.Version {
			return lock.Pin{Path: pin.Path, Module: locked}, nil
		}
		if ok {
			f = fault.New(fault.Refused, "%s pins %s to %s, and --policy asks for %s", lock.File, pin.Path, locked.Version, pin.Version)
		}
	}
	which := named + "@sha256:DIGEST"
	if m, err := from.Find(c.Context, named); err == nil {
		f.Detail = "in its registry it is " + m.Digest + " now"
		which = m.String() + "@" + m.Digest
	}
	return lock.Pin{}, f.WithHint("say which it is: --policy %s\nor pin it in the app's %s: nixpacks lock --policy %s", which, lock.File, named)
}

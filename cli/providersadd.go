package cli

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	ucli "github.com/urfave/cli/v2"

	"github.com/nixpacks-cue/nixpacks/engine/catalog"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/lock"
	"github.com/nixpacks-cue/nixpacks/engine/modules"
)

func providersAdd(h *Host) *ucli.Command {
	return &ucli.Command{
		Name:      "add",
		Usage:     "add the providers of a module in an OCI registry to an app",
		ArgsUsage: "MODULE@VERSION [PATH]",
		Description: "Fetches the CUE module from the registry in CUE_REGISTRY, prints its providers, and pins it by digest in the app's\n" +
			lock.File + ". VERSION is a version such as v0.1.0, v0 for the newest v0 version, or " + modules.Latest + ":\n\n" +
			"   CUE_REGISTRY=registry.example.com nixpacks providers add example.com/lua@v0.1.0",
		Flags: []ucli.Flag{
			&ucli.BoolFlag{Name: "dry-run", Category: aboutWords, Usage: "print the providers without pinning the module"},
			jsonErrorsFlag(),
		},
		Action: func(c *ucli.Context) error { return providersAddAction(c, h) },
	}
}

func providersAddAction(c *ucli.Context, h *Host) error {
	if c.NArg() < 1 || c.NArg() > 2 {
		return fault.New(fault.Usage, "add needs a MODULE@VERSION, and optionally the PATH of an app").WithHint("see: nixpacks providers add --help")
	}
	path := cmp.Or(c.Args().Get(1), ".")
	l, file, err := lockOf(c, path)
	if err != nil {
		return err
	}
	from, err := registries(c, h)
	if err != nil {
		return err
	}
	m, err := from.Find(c.Context, c.Args().First())
	if err == nil {
		err = vetModule(m, m.String())
	}
	if err != nil {
		return err
	}
	before, had := l.Providers[m.Path]
	lock.Set(&l.Providers, m.Pin)
	others, err := modulesOf(c, from, l)
	if err != nil {
		return err
	}
	if err := showModule(h, m, others); err != nil || c.Bool("dry-run") {
		return err
	}
	if err := writeLock(file, l); err != nil {
		return err
	}
	said := fmt.Sprintf("%s is pinned in %s", m, file)
	if had && before != m.Module {
		said += ", replacing " + before.Version
	}
	fmt.Fprintln(h.Stderr, said)
	return nil
}

// showModule prints what a module contains before it is used.
func showModule(h *Host, m *modules.Module, cat *catalog.Catalog) error {
	w := newTable(h)
	w.row("module", m.String())
	w.row("digest", m.Digest)
	own, err := catalog.LoadAny(m.FS, m.String())
	if err != nil {
		return err
	}
	for _, name := range own.Names() {
		p, _ := own.Get(name)
		d, err := p.Describe()
		if err != nil {
			return err
		}
		w.section("")
		headOf(w, listedOf(cat, p), p)
		if known, err := catalog.Builtin(); err == nil && slices.Contains(known.Names(), name) {
			w.row("instead of", "the built-in "+name)
		}
		tablesOf(w, "commands", d.Commands)
	}
	w.section("files")
	for _, f := range m.Files {
		w.row("  " + f)
	}
	_, err = h.Stdout.Write(w.text())
	return err
}

func providersRm(h *Host) *ucli.Command {
	return &ucli.Command{
		Name:        "rm",
		Usage:       "remove a module of providers from an app",
		ArgsUsage:   "MODULE [PATH]",
		Description: "Removes the module from the app's " + lock.File + ".",
		Flags:       []ucli.Flag{jsonErrorsFlag()},
		Action:      func(c *ucli.Context) error { return providersRmAction(c, h) },
	}
}

func providersRmAction(c *ucli.Context, h *Host) error {
	if c.NArg() < 1 || c.NArg() > 2 {
		return fault.New(fault.Usage, "rm needs a MODULE, and optionally the PATH of an app").WithHint("see: nixpacks providers rm --help")
	}
	path := cmp.Or(c.Args().Get(1), ".")
	l, file, err := lockOf(c, path)
	if err != nil {
		return err
	}
	want, _, _ := strings.Cut(c.Args().First(), "@")
	all := slices.Sorted(maps.Keys(l.Providers))
	found := slices.DeleteFunc(slices.Clone(all), func(p string) bool {
		return p != c.Args().First() && !strings.HasPrefix(p, want+"@")
	})
	if len(found) == 0 {
		return fault.New(fault.Usage, "%s has no module %s", file, want).WithHint("%s", fault.DidYouMean(want, all))
	}
	if len(found) > 1 {
		return fault.New(fault.Usage, "%s has several modules of that name: %s", file, strings.Join(found, ", ")).WithHint("name one of them with its version")
	}
	pin := lock.Pin{Path: found[0], Module: l.Providers[found[0]]}
	delete(l.Providers, found[0])
	if err := writeLock(file, l); err != nil {
		return err
	}
	_, err = fmt.Fprintf(h.Stdout, "removed %s from %s\n", pin, file)
	return err
}

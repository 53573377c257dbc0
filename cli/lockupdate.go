package cli

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"

	ucli "github.com/urfave/cli/v2"

	"github.com/nixpacks-cue/nixpacks/engine/catalog"
	"github.com/nixpacks-cue/nixpacks/engine/lock"
	"github.com/nixpacks-cue/nixpacks/engine/modules"
)

// move is a module of a lock that moves to a newer version.
type move struct {
	from, to *modules.Module // from is nil if that version is no longer available
	// providers is true if the module holds providers, and false if it holds policies.
	providers bool
}

// updateModules pins the modules of a lock to their newest versions.
func updateModules(c *ucli.Context, h *Host, l *lock.Lock) (moved []move, err error) {
	from, err := registries(c, h)
	if err != nil {
		return nil, err
	}
	for _, kind := range []struct {
		pins      map[string]lock.Module
		providers bool
	}{{l.Providers, true}, {l.Policies, false}} {
		for _, path := range slices.Sorted(maps.Keys(kind.pins)) {
			pin := lock.Pin{Path: path, Module: kind.pins[path]}
			m, err := newer(c, from, pin, kind.providers)
			if err != nil {
				return nil, err
			}
			if m == nil {
				continue
			}
			was, _ := from.Get(c.Context, pin)
			moved = append(moved, move{was, m, kind.providers})
			kind.pins[path] = m.Module
		}
	}
	return moved, nil
}

// newer returns the newest version of a module, or nil if that is pinned already. It checks that the module is valid.
func newer(c *ucli.Context, from *modules.Registries, pin lock.Pin, providers bool) (*modules.Module, error) {
	m, err := from.Newer(c.Context, pin)
	if err != nil || m == nil {
		return nil, err
	}
	if providers {
		return m, vetModule(m, m.String())
	}
	_, err = policiesIn(m)
	return m, err
}

// printMoves prints, for each module that moved, which files differ and which commands are new.
func printMoves(h *Host, moved []move) error {
	w := newTable(h)
	for _, m := range moved {
		w.section(m.String())
		for _, line := range m.files() {
			w.row("  " + line)
		}
		commands, err := m.commands()
		if err != nil {
			return err
		}
		tablesOf(w, "commands that are new in "+m.to.String(), commands)
	}
	if len(moved) == 0 {
		return nil
	}
	_, err := h.Stdout.Write(append([]byte("\n"), w.text()...)) // after the changes
	return err
}

func (m move) String() string {
	if m.from == nil {
		return m.to.String() + ", whose files so far cannot be had"
	}
	return fmt.Sprintf("%s, which was %s", m.to, m.from.Version)
}

// files lists the files that differ between the versions, and whether each was added, removed or changed.
func (m move) files() (lines []string) {
	before, now := texts(m.from), texts(m.to)
	all := maps.Clone(now)
	maps.Copy(all, before)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		was, had := before[name]
		is, has := now[name]
		switch {
		case !had:
			lines = append(lines, "added    "+name)
		case !has:
			lines = append(lines, "removed  "+name)
		case was != is:
			lines = append(lines, "changed  "+name)
		}
	}
	return lines
}

// texts returns the content of a module's files by name. It is empty if m is nil.
func texts(m *modules.Module) map[string]string {
	out := map[string]string{}
	if m == nil {
		return out
	}
	for _, name := range m.Files {
		text, _ := fs.ReadFile(m.FS, name) // the files are in memory
		out[name] = string(text)
	}
	return out
}

// commands returns the commands of the newer version that the older one does not have.
func (m move) commands() (added []catalog.Table, err error) {
	if !m.providers {
		return nil, nil
	}
	var before []catalog.Table
	if m.from != nil {
		before, _ = commandsOf(m.from) // this program may be unable to read the older version
	}
	now, err := commandsOf(m.to)
	for _, t := range now {
		if !slices.ContainsFunc(before, func(b catalog.Table) bool { return b.Name == t.Name && b.Text == t.Text }) {
			added = append(added, t)
		}
	}
	return added, err
}

// commandsOf returns the commands of a module's providers, as written in its files.
func commandsOf(m *modules.Module) (all []catalog.Table, err error) {
	cat, err := catalog.LoadAny(m.FS, m.String())
	if err != nil {
		return nil, err
	}
	for _, name := range cat.Names() {
		p, _ := cat.Get(name)
		d, err := p.Describe()
		if err != nil {
			return nil, err
		}
		all = append(all, d.Commands...)
	}
	return all, nil
}

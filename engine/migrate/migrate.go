// Package migrate converts the build configuration of other programs, and nixpacks.toml and nixpacks.json, to a nixpacks.cue.
// It lists everything that it cannot convert, with its position and a replacement.
package migrate

import (
	"cmp"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nixpacks-cue/nixpacks/engine/app"
	"github.com/nixpacks-cue/nixpacks/engine/catalog"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
	"github.com/nixpacks-cue/nixpacks/engine/unify"
)

// File is the name of the file to write.
const File = "nixpacks.cue"

// The files that can be migrated.
const (
	tomlFile     = "nixpacks.toml"
	jsonFile     = "nixpacks.json"
	railpackFile = "railpack.json"
	appFile      = "app.json"
	procFile     = "Procfile"
)

// Sources are the files that can be migrated.
var Sources = []string{tomlFile, jsonFile, railpackFile, appFile, procFile}

// Result is a nixpacks.cue that is not written to disk yet.
type Result struct {
	// From are the files that were migrated.
	From []string
	// Text is the nixpacks.cue.
	Text []byte
	// Notes are for the user to review, sorted by position.
	Notes []Note
	// Same reports that the app's plan does not change. It is false for files that do not affect plans, because there is no plan to
	// compare with.
	Same bool
	// Changes are the differences of the plan, if it should have stayed the same.
	Changes []plan.Change
}

// Note is about one key of a migrated file.
type Note struct {
	At  fault.Pos
	Key string // as shown in messages: steps.build.commands[0]
	// Carried reports that the key was migrated and the note is additional information.
	Carried bool
	Text    string // the problem, as a phrase that follows the key
	Instead string // what to do
}

// Migrate migrates the file from, one of Sources, or if from is "" the one of them that exists. The app is planned
// with o and each of the files. o.Config must be empty.
func Migrate(a *app.App, cat *catalog.Catalog, o unify.Options, from string) (*Result, error) {
	from, err := choose(a, from)
	if err != nil {
		return nil, err
	}
	m := &mover{app: a, catalog: cat, options: o, draft: newDraft()}
	read := map[string]func(string) error{
		tomlFile: m.nixpacks, jsonFile: m.nixpacks, railpackFile: m.railpack, appFile: m.heroku, procFile: m.heroku,
	}[from]
	if err := read(from); err != nil {
		return nil, err
	}
	if err := m.dependencies(); err != nil {
		return nil, err
	}
	text, err := m.draft.text(m.from)
	if err != nil {
		return nil, err
	}
	res := &Result{From: m.from, Text: text, Notes: m.notes}
	after, err := m.planWith(text, File)
	if err != nil {
		return res, err
	}
	if m.before != nil {
		res.Changes = plan.Diff(settled(m.before), settled(after))
		res.Same = len(res.Changes) == 0
	}
	order := func(n Note) int { return slices.Index(m.from, n.At.File) }
	slices.SortStableFunc(res.Notes, func(a, b Note) int {
		return cmp.Or(order(a)-order(b), a.At.Line-b.At.Line, a.At.Col-b.At.Col)
	})
	return res, nil
}

// choose returns the file to migrate.
func choose(a *app.App, from string) (string, error) {
	if from != "" {
		if !slices.Contains(Sources, from) {
			return "", fault.New(fault.Usage, "%q cannot be converted", from).WithHint("known: %s", strings.Join(Sources, ", "))
		}
		if _, there, err := a.Text(from); err != nil || !there {
			return "", cmp.Or(err, error(fault.New(fault.Usage, "there is no %s in the app", from)))
		}
		return from, nil
	}
	var found []string
	for _, name := range Sources[:3] {
		if _, there := a.Entry(name); there {
			found = append(found, name)
		}
	}
	if len(found) > 1 {
		return "", fault.New(fault.Usage, "found %s, but only one file can be converted", strings.Join(found, " and ")).
			WithHint("select one: --from %s", found[0])
	}
	if len(found) == 0 {
		for _, name := range []string{appFile, procFile} {
			if text, there, _ := a.Text(name); there && (name != appFile || herokus([]byte(text))) {
				return name, nil
			}
		}
		return "", fault.New(fault.Usage, "found no file to convert").
			WithHint("looked for %s; to create a configuration, use nixpacks init", strings.Join(Sources, ", "))
	}
	return found[0], nil
}

// mover migrates one app.
type mover struct {
	app     *app.App
	catalog *catalog.Catalog
	options unify.Options
	from    []string
	draft   *draft
	notes   []Note
	before  *plan.Plan    // the plan with the migrated file; nil if the file does not affect plans
	base    *unify.Result // see ground
}

// lost notes that a key is not migrated.
func (m *mover) lost(at fault.Pos, key, text, instead string) {
	m.notes = append(m.notes, Note{At: at, Key: key, Text: text, Instead: instead})
}

// look adds a note about a key that is migrated.
func (m *mover) look(at fault.Pos, key, text, instead string) {
	m.notes = append(m.notes, Note{At: at, Key: key, Carried: true, Text: text, Instead: instead})
}

// plan plans the app with a configuration.
func (m *mover) plan(text []byte, name string) (*unify.Result, error) {
	o := m.options
	o.Config, o.ConfigText = name, text
	res, err := unify.Plan(m.app, m.catalog, o)
	if err != nil {
		return nil, err
	}
	if res.App != m.app {
		defer res.App.Close()
		below, _ := filepath.Rel(m.app.Dir(), res.App.Dir())
		return nil, fault.New(fault.Usage, "the app is in %s, which does not use files of its parent directories", below).WithHint("give that directory as PATH")
	}
	return res, nil
}

func (m *mover) planWith(text []byte, name string) (*plan.Plan, error) {
	res, err := m.plan(text, name)
	if err != nil {
		return nil, err
	}
	return res.Plan, nil
}

// ground plans the app without any file, but with the draft's providers.
func (m *mover) ground() (*unify.Result, error) {
	if m.base != nil {
		return m.base, nil
	}
	d := newDraft()
	d.plan.Providers = m.draft.plan.Providers
	text, err := d.text(nil)
	if err != nil {
		return nil, err
	}
	m.base, err = m.plan(text, File)
	return m.base, err
}

// dependencies rewrites dependsOn for nixpacks.cue: it removes phases that do not exist, which have no effect, and replaces "..."
// by the implied dependencies in phases that only the file has.
func (m *mover) dependencies() error {
	phases := m.draft.plan.Phases
	known := m.before
	for _, name := range slices.Sorted(maps.Keys(phases)) {
		ph := phases[name]
		if len(ph.DependsOn) == 0 {
			continue
		}
		base, err := m.ground()
		if err != nil && known == nil {
			return err
		}
		if err == nil && base.Plan.Phases[name] == nil {
			ph.DependsOn = slices.DeleteFunc(plan.Fill(plan.NewPhase(name).DependsOn, ph.DependsOn), plan.Marker)
		}
		if known == nil {
			known = plan.Merge(base.Plan, &plan.Plan{Phases: phases})
		}
		none := func(dep string) bool { return known.Phases[dep] == nil && !plan.Marker(dep) }
		for _, dep := range ph.DependsOn {
			at, ok := m.draft.at[plan.Path("phases", name, "dependsOn")]
			if ok && none(dep) {
				m.lost(at, plan.Path("phases", name, "dependsOn"), "names "+dep+", which is not a phase", "")
			}
		}
		ph.DependsOn = slices.DeleteFunc(ph.DependsOn, none)
	}
	return nil
}

// settled returns a plan without parts that have no effect: dependencies on phases that do not exist, and a nixpkgs revision
// in a phase that does not use nixpkgs.
func settled(p *plan.Plan) *plan.Plan {
	p = p.Clone()
	for _, ph := range p.Phases {
		ph.DependsOn = slices.DeleteFunc(ph.DependsOn, func(dep string) bool { return p.Phases[dep] == nil })
		if !ph.UsesNix() {
			ph.NixpkgsArchive = ""
		}
	}
	return p
}

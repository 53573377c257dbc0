package migrate

import (
	"maps"
	"slices"
	"strconv"

	"github.com/nixpacks-cue/nixpacks/engine/plan"
	"github.com/nixpacks-cue/nixpacks/engine/unify"
)

// nixpacks migrates nixpacks.toml or nixpacks.json.
func (m *mover) nixpacks(name string) error {
	text, _, err := m.app.Text(name)
	if err != nil {
		return err
	}
	root, err := unify.ParseData([]byte(text), name)
	if err != nil {
		return err
	}
	doc, err := plan.Read(root, []byte(text))
	if err != nil {
		return err
	}
	m.from = []string{name}
	m.options.Env = maps.Clone(m.options.Env)
	if m.options.Env == nil {
		m.options.Env = map[string]string{}
	}
	m.options.Env["NIXPACKS_UNKNOWN_KEYS"] = "warn" // reported below
	if m.before, err = m.planWith([]byte(text), name); err != nil {
		return err
	}
	for _, f := range doc.Unknown {
		m.lost(f.At[0], "", f.Msg+", which Nixpacks ignores", f.Hint)
	}
	if n := root.Get("$schema"); n != nil {
		m.lost(n.Pos, "$schema", "is only for editors", "for a nixpacks.cue, place a schema beside it: nixpacks schema --cue > nixpacks_schema.cue")
	}
	m.take(doc)
	if name == tomlFile {
		m.draft.comments = tomlComments([]byte(text))
	}
	return nil
}

// take copies the values of a document to the draft.
func (m *mover) take(doc *plan.Document) {
	d := m.draft
	d.plan = doc.Plan.Clone()
	for _, l := range d.plan.Leaves() {
		d.at[plan.Path(l.Path...)] = doc.At(l.Path...).Pos
		if list, ok := l.Value.([]string); ok {
			for i := range list {
				d.at[elementKey(l.Path, i)] = doc.At(append(slices.Clone(l.Path), strconv.Itoa(i))...).Pos
			}
		}
	}
	tables := [][]string{{"variables"}, {"start"}}
	for name := range d.plan.Phases {
		tables = append(tables, []string{"phases", name})
	}
	for _, path := range tables {
		if n := doc.At(path...); n != nil {
			d.at[plan.Path(path...)] = n.Pos
		}
	}
	m.blanks(doc)
	if !unify.Finished(d.plan) {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(d.plan.Phases)) { // phases of a finished plan have no implied dependencies
		if d.plan.Phases[name].DependsOn == nil {
			d.deleted = append(d.deleted, []string{"phases", name, "dependsOn"})
		}
	}
}

// blanks deletes the values that a TOML or JSON file sets to an empty string to remove the provider's.
func (m *mover) blanks(doc *plan.Document) {
	paths := [][]string{}
	for _, name := range plan.FieldNames[plan.Start]() {
		paths = append(paths, []string{"start", name})
	}
	for _, name := range slices.Sorted(maps.Keys(doc.Plan.Phases)) {
		paths = append(paths, []string{"phases", name, "nixpkgsArchive"}, []string{"phases", name, "ssh"})
	}
	for _, path := range paths {
		if doc.Blank(path...) {
			m.draft.deleted = append(m.draft.deleted, path)
		}
	}
	if doc.Blank("buildImage") {
		m.lost(doc.At("buildImage").Pos, "buildImage", "cannot be removed", "set the image in which the phases run")
	}
}

package migrate

import (
	"slices"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// draft is a nixpacks.cue under construction.
type draft struct {
	plan *plan.Plan
	// at is the position of each value by path (plan.Path), and of each list element.
	at map[string]fault.Pos
	// deleted are the paths that nixpacks.cue deletes.
	deleted [][]string
	// comments are the comments of the source file, and added ones.
	comments []comment
}

func newDraft() *draft { return &draft{plan: &plan.Plan{}, at: map[string]fault.Pos{}} }

// phase returns the phase of that name, created without the implied fields if needed.
func (d *draft) phase(name string) *plan.Phase {
	if d.plan.Phases == nil {
		d.plan.Phases = map[string]*plan.Phase{}
	}
	if d.plan.Phases[name] == nil {
		d.plan.Phases[name] = &plan.Phase{}
	}
	return d.plan.Phases[name]
}

// set sets a string or a list of strings at a path.
func (d *draft) set(at fault.Pos, value any, path ...string) {
	if path[0] == "phases" {
		d.phase(path[1])
	}
	d.plan.Set(plan.Leaf{Path: path, Value: value})
	d.at[plan.Path(path...)] = at
}

// add appends to the list at a path.
func (d *draft) add(at fault.Pos, elem string, path ...string) {
	list, _ := d.plan.Get(path...).([]string)
	key := plan.Path(path...)
	if _, ok := d.at[key]; !ok {
		d.at[key] = at
	}
	first := d.at[key]
	d.set(first, append(slices.Clone(list), elem), path...)
}

// remark adds a comment to a value.
func (d *draft) remark(text string, path ...string) {
	d.comments = append(d.comments, comment{text: text, of: plan.Path(path...)})
}

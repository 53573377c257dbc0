package unify

import (
	"slices"

	"github.com/nixpacks-cue/nixpacks/engine/catalog"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// layer is one source of the plan: its values and their positions.
type layer struct {
	plan *plan.Plan
	// at returns the position of the layer's value at path, or false if it is unknown.
	at func(path []string) (fault.Pos, bool)
	// rests returns the facts that the layer's value depends on. It is nil unless the layer is a provider's.
	rests func(path []string) ([]catalog.Basis, error)
}

// origin returns the position of a leaf's value in the topmost layer that sets it. For a list, elem is the
// element in question, or "".
func (u *unifier) origin(path []string, elem string) (fault.Pos, bool) {
	for _, l := range slices.Backward(u.layers) {
		if holds(l.plan.Get(path...), elem) {
			if p, ok := l.at(path); ok {
				return p, true
			}
		}
	}
	return fault.Pos{}, false
}

// Said is the value that one layer sets. "..." in a list stands for the value of the layers
// below.
type Said struct {
	Value any
	At    fault.Pos // its File is "" if unknown
	// Rests are the facts about the app that the value depends on, if a provider's.
	Rests []catalog.Basis
}

// sayings returns the value of each layer at path, lowest first.
func (u *unifier) sayings(path []string) ([]Said, error) {
	var out []Said
	for _, l := range u.layers {
		v := l.plan.Get(path...)
		if v == nil {
			continue
		}
		said := Said{Value: v}
		said.At, _ = l.at(path)
		if l.rests != nil {
			var err error
			if said.Rests, err = l.rests(path); err != nil {
				return nil, err
			}
			u.placed(said.Rests)
		}
		out = append(out, said)
	}
	return out, nil
}

// placed adds the position of the variable or setting to facts that come from one rather than from the app's files.
func (u *unifier) placed(bases []catalog.Basis) {
	for i, b := range bases {
		path := []string{"variables", b.Variable}
		switch {
		case b.Fact == "packages" && b.Asks == catalog.AsksPackages:
			path = []string{"packages"}
		case b.Variable == "":
			continue
		}
		if at, ok := u.origin(path, ""); ok {
			bases[i].At = []fault.Pos{at}
		}
	}
}

func holds(value any, elem string) bool {
	if list, ok := value.([]string); ok && elem != "" {
		return slices.Contains(list, elem)
	}
	return value != nil
}

// documentLayer returns a layer that was read from a document.
func documentLayer(d *plan.Document) layer {
	return layer{plan: d.Plan, at: func(path []string) (fault.Pos, bool) {
		if n := d.At(path...); n != nil {
			return n.Pos, true
		}
		return fault.Pos{}, false
	}}
}

// named returns a position on the command line.
func named(what, label string) (fault.Pos, bool) {
	return fault.Pos{File: what, Label: label}, true
}

package unify

import (
	"slices"

	"github.com/nixpacks-cue/nixpacks/engine/catalog"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// layer is one of those who have a say: what it says, and where.
type layer struct {
	plan *plan.Plan
	// at is where the layer says what it says at path; false where that cannot be told.
	at func(path []string) (fault.Pos, bool)
	// rests gives the facts that the layer says it for; nil where it is no provider's.
	rests func(path []string) ([]catalog.Basis, error)
}

// origin is where the value of a leaf comes from: the uppermost layer that says it. For a list, elem is
// the element in question, or "".
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

// Said is what one of those who have a say says of a value: what a list of theirs holds, "..." in it standing for what those
// below them say.
type Said struct {
	Value any
	At    fault.Pos // with its zero File where nobody knows
	// Rests are the facts about the app that it rests on: where a provider says so.
	Rests []catalog.Basis
}

// sayings are what each layer says at path, lowest first.
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

// placed adds to facts where it was said what they are, if the app's files do not say it.
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

// documentLayer is a layer that was read from a document.
func documentLayer(d *plan.Document) layer {
	return layer{plan: d.Plan, at: func(path []string) (fault.Pos, bool) {
		if n := d.At(path...); n != nil {
			return n.Pos, true
		}
		return fault.Pos{}, false
	}}
}

// named is a place on the command line.
func named(what, label string) (fault.Pos, bool) {
	return fault.Pos{File: what, Label: label}, true
}

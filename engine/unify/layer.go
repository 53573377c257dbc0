package unify

import (
	"slices"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// layer is one of those who have a say: what it says, and where.
type layer struct {
	plan *plan.Plan
	// at is where the layer says what it says at path; false where that cannot be told.
	at func(path []string) (fault.Pos, bool)
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
}

// sayings are what each layer says at path, lowest first.
func (u *unifier) sayings(path []string) []Said {
	var out []Said
	for _, l := range u.layers {
		v := l.plan.Get(path...)
		if v == nil {
			continue
		}
		at, _ := l.at(path)
		out = append(out, Said{v, at})
	}
	return out
}

func holds(value any, elem string) bool {
	if list, ok := value.([]string); ok && elem != "" {
		return slices.Contains(list, elem)
	}
	return value != nil
}

// documentLayer is a layer that was read from a document.
func documentLayer(d *plan.Document) layer {
	return layer{d.Plan, func(path []string) (fault.Pos, bool) {
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

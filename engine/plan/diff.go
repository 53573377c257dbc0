package plan

import (
	"reflect"
	"slices"
)

// Change is a value that differs between two plans: a string or a list, nil where a plan does not set it.
type Change struct {
	Path     []string
	From, To any
}

// Diff returns the values in which b differs from a, in the order of Leaves. Values that only a has are at a's position.
func Diff(a, b *Plan) []Change {
	var out []Change
	seen := map[string]bool{}
	for _, l := range merged(a.Leaves(), b.Leaves()) {
		from, to := a.Get(l.Path...), b.Get(l.Path...)
		if key := Path(l.Path...); !seen[key] && !reflect.DeepEqual(from, to) {
			seen[key] = true
			out = append(out, Change{l.Path, from, to})
		}
	}
	return out
}

// merged returns the leaves of b and inserts each leaf that only a has behind its predecessor in a.
func merged(a, b []Leaf) []Leaf {
	out := slices.Clone(b)
	at := 0
	for _, l := range a {
		i := slices.IndexFunc(out, func(o Leaf) bool { return slices.Equal(o.Path, l.Path) })
		if i >= 0 {
			at = i + 1
			continue
		}
		out = slices.Insert(out, at, l)
		at++
	}
	return out
}

// Elements returns the elements that only From and only To have, counting duplicates. If two lists differ only in their
// order, or the value is not a list, it returns the whole values.
func (c Change) Elements() (from, to []string) {
	before, after := elements(c.From), elements(c.To)
	from, to = without(before, after), without(after, before)
	if len(from)+len(to) == 0 {
		return before, after
	}
	return from, to
}

func elements(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []string:
		return v
	}
	return nil
}

func without(list, taken []string) (out []string) {
	taken = slices.Clone(taken)
	for _, s := range list {
		if i := slices.Index(taken, s); i >= 0 {
			taken = slices.Delete(taken, i, i+1)
		} else {
			out = append(out, s)
		}
	}
	return out
}

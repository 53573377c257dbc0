package plan

import (
	"slices"
	"strings"
	"testing"
)

func TestDiff(t *testing.T) {
	a := &Plan{BuildImage: "x", Variables: map[string]string{"A": "1", "B": "2"},
		Phases: map[string]*Phase{"build": {Cmds: []string{"a", "a", "b"}, AptPkgs: []string{"x", "y"}}, "old": {Cmds: []string{"o"}}}}
	b := &Plan{BuildImage: "x", Variables: map[string]string{"B": "3", "C": "4"},
		Phases: map[string]*Phase{"build": {Cmds: []string{"a", "c", "b"}, AptPkgs: []string{"y", "x"}, Inputs: []string{}}}}
	type change struct{ path, from, to string }
	var got []change
	for _, c := range Diff(a, b) {
		from, to := c.Elements()
		got = append(got, change{Path(c.Path...), strings.Join(from, " "), strings.Join(to, " ")})
	}
	want := []change{
		{"variables.A", "1", ""}, {"variables.B", "2", "3"}, {"variables.C", "", "4"},
		{"phases.build.cmds", "a", "c"},
		{"phases.build.aptPkgs", "x y", "y x"}, // only the order differs
		{"phases.build.inputs", "", ""},        // an empty list differs from an unset one
		{"phases.old.cmds", "o", ""},
	}
	for _, w := range want {
		if !slices.Contains(got, w) {
			t.Errorf("no change %v in %v", w, got)
		}
	}
	if len(got) != len(want) {
		t.Errorf("got %d changes, want %d: %v", len(got), len(want), got)
	}
	if d := Diff(a, a); d != nil {
		t.Errorf("a plan differs from itself: %v", d)
	}
}

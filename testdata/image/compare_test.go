package imagetest

import (
	"slices"
	"testing"
)

// Empty fields and those that Nixpacks does not have are no differences; a variable without a value is one.
func TestPlanDifferences(t *testing.T) {
	for _, c := range []struct {
		theirs, ours string
		want         []string
	}{
		{`{"buildImage": "", "providers": [], "variables": {}, "start": {"cmd": null}, "phases": {"a": {"cmds": [], "paths": null}}}`, `{"phases": {"a": {}}}`, nil},
		{`{"phases": {"a": {"cmds": ["x"]}}}`, `{"packages": "apt", "phases": {"a": {"cmds": ["x"], "inputs": ["y"], "variables": {"A": "b"}}}}`, nil},
		{`{"staticAssets": {"a": "of theirs"}}`, `{"staticAssets": {"a": "of ours"}}`, nil},
		{`{"staticAssets": {"a": "x"}}`, `{}`, []string{".staticAssets: Nixpacks has map[a:present], this is <nil>"}},
		{`{"variables": {"A": ""}}`, `{"variables": {"B": ""}}`, []string{".variables.A: Nixpacks has , this is <nil>", ".variables.B: Nixpacks has <nil>, this is "}},
		{`{"phases": {"a": {}}}`, `{"phases": {"b": {}}}`, []string{".phases.a: Nixpacks has map[], this is <nil>", ".phases.b: Nixpacks has <nil>, this is map[]"}},
		{`{"start": {"cmd": "x"}}`, `{"start": {"cmd": "y"}}`, []string{".start.cmd: Nixpacks has x, this is y"}},
	} {
		got, err := PlanDifferences([]byte(c.theirs), []byte(c.ours))
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s and %s: %q, %v; want %q", c.theirs, c.ours, got, err, c.want)
		}
	}
	if _, err := PlanDifferences([]byte(`{}`), []byte(`no plan`)); err == nil {
		t.Error("what is no plan is compared")
	}
}

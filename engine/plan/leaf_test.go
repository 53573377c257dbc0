package plan

import (
	"reflect"
	"slices"
	"testing"
)

// For every field: Set restores what Leaves returns, Get finds it, Delete removes it.
func TestLeaves(t *testing.T) {
	built, gone := &Plan{}, full()
	for _, l := range full().Leaves() {
		built.Set(l)
		if got := full().Get(l.Path...); !reflect.DeepEqual(got, l.Value) {
			t.Errorf("Get(%q) = %v, want %v", l.Path, got, l.Value)
		}
		gone.Delete(l.Path...)
		if got := gone.Get(l.Path...); got != nil {
			t.Errorf("%q is %v after Delete", l.Path, got)
		}
	}
	// An empty map has no leaves.
	built.Phases["setup"].Variables = map[string]string{}
	if !reflect.DeepEqual(built, full()) {
		t.Errorf("built %s", built.JSON())
	}
	if len(gone.Leaves()) > 0 {
		t.Errorf("left: %v", gone.Leaves())
	}
}

func TestGetNothing(t *testing.T) {
	for _, path := range [][]string{{"phases"}, {"phases", "no"}, {"phases", "no", "cmds"}, {"start", "no"}, {"no"}, {"variables", "no"}, {"buildImage", "no"}} {
		if got := full().Get(path...); got != nil {
			t.Errorf("Get(%q) = %v", path, got)
		}
		if got := (&Plan{}).Get(path...); got != nil {
			t.Errorf("Get(%q) of nothing = %v", path, got)
		}
	}
	(&Plan{}).Delete("phases", "no", "cmds")
	(&Plan{}).Delete("start", "cmd")
	(&Plan{}).Delete("variables", "A")
}

func TestSetMakesPhases(t *testing.T) {
	p := &Plan{}
	p.Set(Leaf{[]string{"phases", "build", "cmds"}, []string{"make"}})
	if got := p.Phases["build"].DependsOn; !slices.Equal(got, []string{"install"}) {
		t.Errorf("depends on %q", got)
	}
}

// Without install, build still runs after setup.
func TestDeletePhaseKeepsOrder(t *testing.T) {
	p := graph(map[string][]string{"setup": nil, "pre": nil, "install": {"setup", "pre"}, "build": {"setup", "install"}, "lint": nil})
	p.Delete("phases", "install")
	want := graph(map[string][]string{"setup": nil, "pre": nil, "build": {"setup", "pre"}, "lint": nil})
	if !reflect.DeepEqual(p, want) {
		t.Errorf("got %s", p.JSON())
	}
}

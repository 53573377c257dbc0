package plan

import (
	"maps"
	"reflect"
	"slices"
	"testing"
)

func list(s ...string) []string { return append([]string{}, s...) }

func TestFill(t *testing.T) {
	for _, c := range []struct{ base, over, want []string }{
		{nil, nil, nil},
		{list("a"), nil, list("a")},
		{list("a"), list(), list()},
		{nil, list("..."), list("...")},
		{list("a", "b"), list("x", "...", "z"), list("x", "...", "a", "b", "z")},
		{list("a"), list("@auto", "..."), list("@auto", "a", "...", "a")},
	} {
		if got := Fill(c.base, c.over); !reflect.DeepEqual(got, c.want) {
			t.Errorf("Fill(%q, %q) = %q, want %q", c.base, c.over, got, c.want)
		}
	}
}

// Two layers that both keep what is below fill it twice, as in Nixpacks: the lower layer's marker survives the merge and
// is filled again.
func TestMarkersStay(t *testing.T) {
	file := &Plan{Phases: map[string]*Phase{"setup": {NixPkgs: list("...", "jq")}}}
	env := &Plan{Phases: map[string]*Phase{"setup": {NixPkgs: list("go", "...")}}}
	provider := &Plan{Phases: map[string]*Phase{"setup": {NixPkgs: list("node")}}}
	p := Merge(provider, Merge(Merge(&Plan{}, file), env))
	p.Pin(Defaults{}, false)
	if got, want := p.Phases["setup"].NixPkgs, list("go", "node", "node", "jq"); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestMergeKeepsBothApart(t *testing.T) {
	base, over := full(), full()
	got := Merge(base, over)
	for _, l := range got.Phases["py:build"].lists() {
		(*l)[0] = "changed"
	}
	got.Variables["A-B"], got.Start.Cmd, got.Phases["py:build"].Variables["M"] = "changed", "changed", "changed"
	if !reflect.DeepEqual(base, full()) || !reflect.DeepEqual(over, full()) {
		t.Error("Merge shares memory with its arguments")
	}
}

func TestMergeFields(t *testing.T) {
	if got := Merge(&Plan{}, full()); !reflect.DeepEqual(got, full()) {
		t.Errorf("onto nothing: %s", got.JSON())
	}
	if got := Merge(full(), &Plan{}); !reflect.DeepEqual(got, full()) {
		t.Errorf("nothing over: %s", got.JSON())
	}
	base := &Plan{Variables: map[string]string{"A": "1", "B": "1"}, Start: &Start{Cmd: "x", User: "u", AptPkgs: list("p")}, Phases: map[string]*Phase{}}
	over := &Plan{Variables: map[string]string{"B": "2"}, Start: &Start{Cmd: "y", AptPkgs: list("...", "q")}}
	want := &Plan{Variables: map[string]string{"A": "1", "B": "2"}, Start: &Start{Cmd: "y", User: "u", AptPkgs: list("...", "p", "q")}, Phases: map[string]*Phase{}}
	if got := Merge(base, over); !reflect.DeepEqual(got, want) {
		t.Errorf("got %s", got.JSON())
	}
}

func TestImpliedDependencies(t *testing.T) {
	over := &Plan{Phases: map[string]*Phase{"install": {}, "build": {DependsOn: list("...", "lint")}, "lint": {}}}
	got := Merge(&Plan{Phases: map[string]*Phase{}}, over).Phases
	for name, want := range map[string][]string{"install": list("setup"), "build": list("...", "install", "lint"), "lint": nil} {
		if !reflect.DeepEqual(got[name].DependsOn, want) {
			t.Errorf("%s depends on %q, want %q", name, got[name].DependsOn, want)
		}
	}
	if got := Merge(&Plan{}, over).Phases["install"].DependsOn; got != nil {
		t.Errorf("onto no phases at all: %q", got)
	}
}

// Inputs and outputs are dropped together with the commands that they describe: other commands may read and write any
// file.
func TestInputsGoWithCommands(t *testing.T) {
	base := &Plan{Phases: map[string]*Phase{"install": {Cmds: list("npm ci"), Inputs: list("package.json"), Outputs: list("made")}}}
	for _, c := range []struct {
		over *Phase
		want []string
	}{
		{&Phase{Cmds: list("make deps")}, nil},
		{&Phase{Cmds: list("make deps"), Inputs: list("Makefile")}, list("Makefile")},
		{&Phase{NixPkgs: list("jq")}, list("package.json")},
	} {
		got := Merge(base, &Plan{Phases: map[string]*Phase{"install": c.over}})
		if !reflect.DeepEqual(got.Phases["install"].Inputs, c.want) {
			t.Errorf("%+v: inputs %q, want %q", c.over, got.Phases["install"].Inputs, c.want)
		}
		if kept := got.Phases["install"].Outputs != nil; kept != (c.over.Cmds == nil) {
			t.Errorf("%+v: outputs kept: %v", c.over, kept)
		}
	}
}

func TestPrefixed(t *testing.T) {
	p := &Plan{Phases: map[string]*Phase{"setup": {}, "install": {DependsOn: list("setup")}}}
	want := map[string]*Phase{"python:setup": {}, "python:install": {DependsOn: list("python:setup")}}
	if got := p.Prefixed("python"); !reflect.DeepEqual(got.Phases, want) {
		t.Errorf("got %s", got.JSON())
	}
	if before := map[string]*Phase{"setup": {}, "install": {DependsOn: list("setup")}}; !reflect.DeepEqual(p.Phases, before) {
		t.Errorf("the plan itself became %s", p.JSON())
	}
}

func TestPin(t *testing.T) {
	d := Defaults{Nix: Default{"nix:1", "rev1"}, Debian: Default{"debian:1", "rev2"}, Apt: Default{BuildImage: "apt:1"}}
	for _, c := range []struct {
		name           string
		p              *Plan
		debian         bool
		image, archive string
	}{
		{"nix", &Plan{Phases: map[string]*Phase{"a": {NixPkgs: list("x")}}}, false, "nix:1", "rev1"},
		{"debian", &Plan{Phases: map[string]*Phase{"a": {NixLibs: list("x")}}}, true, "debian:1", "rev2"},
		{"apt", &Plan{Packages: "apt", Phases: map[string]*Phase{"a": {NixPkgs: list("...")}}}, true, "apt:1", ""},
		{"own", &Plan{BuildImage: "own", Phases: map[string]*Phase{"a": {NixPkgs: list("x"), NixpkgsArchive: "r"}}}, true, "own", "r"},
		{"marker only", &Plan{Phases: map[string]*Phase{"a": {NixPkgs: list("...")}}}, false, "nix:1", "rev1"},
		{"no nix", &Plan{Phases: map[string]*Phase{"a": {Cmds: list("x")}}}, false, "nix:1", ""},
	} {
		c.p.Start = &Start{OnlyIncludeFiles: list("...", "a"), AptPkgs: list("...", "p")}
		c.p.Pin(d, c.debian)
		if c.p.BuildImage != c.image || c.p.Phases["a"].NixpkgsArchive != c.archive {
			t.Errorf("%s: %s", c.name, c.p.JSON())
		}
		if c.p.Providers == nil || !slices.Equal(c.p.Start.OnlyIncludeFiles, list("a")) || !slices.Equal(c.p.Start.AptPkgs, list("p")) {
			t.Errorf("%s: %s", c.name, c.p.JSON())
		}
	}
	d.NixHashes = map[string]string{"rev1": "h1", "https://o": "h2", "own": "h3", "unused": "h4"}
	p := &Plan{NixHashes: map[string]string{"own": ""}, Phases: map[string]*Phase{
		"a": {NixPkgs: list("x"), NixOverlays: list("https://o")}, "b": {NixPkgs: list("x"), NixpkgsArchive: "own"}}}
	p.Pin(d, false)
	if want := map[string]string{"rev1": "h1", "https://o": "h2", "own": ""}; !maps.Equal(p.NixHashes, want) {
		t.Errorf("hashes: got %v, want %v", p.NixHashes, want)
	}
	empty := &Plan{}
	empty.Pin(d, false)
	if empty.Phases == nil {
		t.Error("a pinned plan says that it has no phases")
	}
}

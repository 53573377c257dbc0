package unify

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/nixpacks-cue/nixpacks/engine/app"
	"github.com/nixpacks-cue/nixpacks/engine/catalog"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// planShared plans an app with three providers. The last one asks the one before it, whose extra fields are the argument.
func planShared(t *testing.T, says string) (*Result, error) {
	t.Helper()
	dir := fstest.MapFS{}
	for name, text := range map[string]string{
		"first":  "plan: {}\n",
		"shared": says,
		"asker":  "facts: s: {provider: \"shared\"}\nplan: phases: install: dependsOn: [for p, _ in facts.s.value.plan.phases {p}]\n",
	} {
		head := "package p\nname: \"" + name + "\"\ndetect: any: [{file: \"x\"}]\n"
		dir[name+"/p.cue"] = &fstest.MapFile{Data: []byte(head + text)}
	}
	cat, err := catalog.Load(dir, "providers")
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	return Plan(a, cat, Options{JSONPlan: []byte(`{"providers": ["first", "shared", "asker"]}`)})
}

// TestSaidOnce checks that a provider's notes appear once if the user names it next to a provider that asks it, and that
// the asking provider sees the phases under their original names, not the prefixed ones.
func TestSaidOnce(t *testing.T) {
	res, err := planShared(t, `
versions: [{of: "Tool", version: "1"}]
notes: [{text: "1 is old"}, {text: "nothing starts", unless: "start"}]
plan: phases: setup: {}
`)
	if err != nil {
		t.Fatal(err)
	}
	var notes []string
	for _, n := range res.Notes {
		notes = append(notes, n.Text)
	}
	if got := strings.Join(notes, ", "); got != "1 is old, nothing starts" {
		t.Errorf("notes: %s", got)
	}
	if len(res.Versions) != 1 {
		t.Errorf("versions: %v", res.Versions)
	}
	if got := slices.Sorted(maps.Keys(res.Plan.Phases)); !slices.Equal(got, []string{"asker:install", "shared:setup"}) {
		t.Errorf("phases: %q", got)
	}
	if got := res.Plan.Phases["asker:install"]; got == nil || !slices.Equal(got.DependsOn, []string{"asker:setup"}) {
		t.Errorf("asker:install is %+v", got)
	}
}

// TestRefusedOnce checks that a refusal also appears once.
func TestRefusedOnce(t *testing.T) {
	_, err := planShared(t, "refuse: [{text: \"no\"}]\nplan: {}\n")
	if all := fault.All(err); len(all) != 1 || all[0].Msg != "no" {
		t.Errorf("faults: %v", all)
	}
}

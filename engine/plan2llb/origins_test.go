package plan2llb

import (
	"slices"
	"testing"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// Origins are not part of a digest: the same plan from another file gives the same build.
func TestOriginsAreNoPartOfTheGraph(t *testing.T) {
	in := defaults(Input{Plan: besides(), Caps: Caps{Merge: true, Diff: true}})
	without := lower(t, in)
	in.Origins = plan.NewOrigins(in.Plan, func(path ...string) (fault.Pos, bool) {
		switch plan.Path(path...) {
		case `phases.install.cmds."0"`:
			return fault.Pos{File: "/home/me/app.toml", Line: 3, Col: 7}, true
		case `phases.docs.cmds`: // only the list, not its elements
			return fault.Pos{File: "--docs"}, true
		}
		return fault.Pos{}, false
	}, func(string) []byte { return []byte("one\ntwo\nthree\n") })
	with := lower(t, in)
	if with.Digest != without.Digest || !slices.EqualFunc(with.Vertices, without.Vertices, func(a, b Vertex) bool { return a.Digest == b.Digest }) {
		t.Error("origins change the graph")
	}
	for name, want := range map[string]fault.Pos{
		"[install] npm ci": {File: "app.toml", Line: 3, Col: 7}, "[docs] make docs": {File: "--docs"}, "[build] npm run build": {},
	} {
		if at, _ := with.Place(find(t, with, name)); at != want {
			t.Errorf("%s is from %+v, want %+v", name, at, want)
		}
	}
	for _, info := range with.Def.Source.Infos {
		if info.Filename == "app.toml" && string(info.Data) != "one\ntwo\nthree\n" {
			t.Errorf("the text of the file is %q", info.Data)
		}
	}
}

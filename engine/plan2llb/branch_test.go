package plan2llb

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
	"golang.org/x/tools/txtar"

	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// besides is nodePlan with a phase that may branch.
func besides(edit ...func(ph *plan.Phase, p *plan.Plan)) *plan.Plan {
	p := nodePlan()
	ph := &plan.Phase{DependsOn: []string{"setup"}, Cmds: []string{"make docs"}, Inputs: []string{"docs"}, Outputs: []string{"public/docs"}}
	p.Phases["docs"] = ph
	for _, e := range edit {
		e(ph, p)
	}
	return p
}

func TestWhoBranches(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(ph *plan.Phase, p *plan.Plan)
		want bool
	}{
		"inputs and outputs":   {func(*plan.Phase, *plan.Plan) {}, true},
		"no file is an input":  {func(ph *plan.Phase, _ *plan.Plan) { ph.Inputs = []string{} }, true},
		"inputs alone":         {func(ph *plan.Phase, _ *plan.Plan) { ph.Outputs = nil }, false},
		"outputs alone":        {func(ph *plan.Phase, _ *plan.Plan) { ph.Inputs = nil }, false},
		"everything is input":  {func(ph *plan.Phase, _ *plan.Plan) { ph.Inputs = []string{"./"} }, false},
		"everything is output": {func(ph *plan.Phase, _ *plan.Plan) { ph.Outputs = []string{"."} }, false},
		"a glob as output":     {func(ph *plan.Phase, _ *plan.Plan) { ph.Outputs = []string{"public/*.html"} }, false},
		"behind all others":    {func(ph *plan.Phase, _ *plan.Plan) { ph.DependsOn = []string{"build"} }, false},
		"no commands":          {func(ph *plan.Phase, _ *plan.Plan) { ph.Cmds = nil }, false},
		"another's output":     {func(_ *plan.Phase, p *plan.Plan) { p.Phases["install"].Outputs = []string{"./public"} }, false},
		"in another's glob":    {func(_ *plan.Phase, p *plan.Plan) { p.Phases["install"].Outputs = []string{"**/docs"} }, false},
		"beside another's":     {func(_ *plan.Phase, p *plan.Plan) { p.Phases["install"].Outputs = []string{"public/docs2", "pub*"} }, false},
		"apart from another's": {func(_ *plan.Phase, p *plan.Plan) { p.Phases["install"].Outputs = []string{"public/docs2", "lib/pub*"} }, true},
	} {
		if got := branches(besides(c.edit))["docs"] != nil; got != c.want {
			t.Errorf("%s: branches %t", name, got)
		}
	}
	p := nodePlan()
	for _, name := range []string{"install", "node:install", "php:build", "setup"} {
		p.Phases[name] = besides().Phases["docs"]
		if branches(p)[name] != nil {
			t.Errorf("%s branches", name)
		}
	}
}

// A branch has its dependencies and nothing else, and the image depends on every phase.
func TestBranch(t *testing.T) {
	for _, caps := range []Caps{{}, {Merge: true}, {Diff: true}, {Merge: true, Diff: true}} {
		in := defaults(Input{Plan: besides(), Caps: caps})
		res := lower(t, in)
		docs, end := find(t, res, "[docs] make docs"), res.Vertices[len(res.Vertices)-1].Digest
		if above(res, docs)[find(t, res, "[install] npm ci")] || above(res, find(t, res, "[build] npm run build"))[docs] {
			t.Error("two phases that are independent wait for one another")
		}
		if !above(res, docs)[find(t, res, "[apt] curl")] || !above(res, end)[docs] {
			t.Error("the branch has no packages, or does not lead to the image")
		}
		merges := 0
		for _, op := range decode(t, res.Def) {
			if op.GetMerge() != nil || op.GetDiff() != nil {
				merges++
			}
		}
		if (merges > 0) != (caps == Caps{Merge: true, Diff: true}) {
			t.Errorf("%+v: %d vertices merge or diff", caps, merges)
		}
		in.Plan.Phases["build"].DependsOn = []string{"install", "docs"}
		if res = lower(t, in); !above(res, find(t, res, "[build] npm run build"))[find(t, res, "[docs] make docs")] {
			t.Error("a phase does not have the outputs of a branch that it depends on")
		}
	}
}

// Two package databases cannot be merged: all packages are installed in sequence, before any command, and every command
// has them.
// command, and every command has them.
func TestPackagesNeverBranch(t *testing.T) {
	p := besides(func(ph *plan.Phase, p *plan.Plan) {
		ph.AptPkgs, ph.NixPkgs, ph.NixpkgsArchive = []string{"doxygen"}, []string{"hugo"}, "bbbb"
	})
	res := lower(t, defaults(Input{Plan: p, Caps: Caps{Merge: true, Diff: true}}))
	packages := []digest.Digest{find(t, res, "[nix] nodejs"), find(t, res, "[nix] hugo"), find(t, res, "[apt] curl doxygen")}
	for i, d := range packages {
		if i > 0 && !above(res, d)[packages[i-1]] {
			t.Error("packages are installed beside others")
		}
		for step, s := range res.Steps {
			if !above(res, step)[d] || above(res, d)[step] {
				t.Errorf("%s does not run on all packages", s.Command)
			}
		}
	}
}

// lineage returns the states that a vertex builds on: its first input, that one's first input, and so on.
func lineage(ops map[digest.Digest]*pb.Op, op *pb.Op) map[digest.Digest]bool {
	out := map[digest.Digest]bool{}
	for len(op.Inputs) > 0 {
		d := digest.Digest(op.Inputs[0].Digest)
		out[d] = true
		op = ops[d]
	}
	return out
}

// isTaken reports whether an input is what a step copied out of the Nix store, which shares no file with a base.
func isTaken(ops map[digest.Digest]*pb.Op, in *pb.Input) bool {
	return slices.ContainsFunc(ops[digest.Digest(in.Digest)].GetExec().GetMounts(), func(m *pb.Mount) bool {
		return m.Output == in.Index && m.Dest == nixTaken
	})
}

// belowNix removes the steps that only install Nix packages from the end of a lineage: without Nix these states are
// equal.
func belowNix(res *Result, ops map[digest.Digest]*pb.Op, d digest.Digest) digest.Digest {
	for ops[d].GetExec() != nil && strings.HasPrefix(nameOf(res, d), "[nix]") {
		d = digest.Digest(ops[d].Inputs[0].Digest)
	}
	return d
}

// A difference fits only the state that it was taken from. Of a package's installation, for one, it contains the whole
// package database, which is wrong on another base. Phases of free order declare that their changes fit everywhere.
func TestDiffsFitWhatTheyAreMergedOnto(t *testing.T) {
	files, err := filepath.Glob(goldens)
	if err != nil {
		t.Fatal(err)
	}
	merges := 0
	for _, file := range files {
		ar, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		in := goldenInput(t, ar)
		in.Caps = Caps{Merge: true, Diff: true}
		res := lower(t, in)
		ops := decode(t, res.Def)
		for _, op := range ops {
			if op.GetMerge() == nil {
				continue
			}
			merges++
			onto := lineage(ops, op)
			for _, in := range op.Inputs[1:] {
				if strings.HasSuffix(nameOf(res, digest.Digest(in.Digest)), "what it changed") || isTaken(ops, in) {
					continue
				}
				diff := ops[digest.Digest(in.Digest)]
				if diff.GetDiff() == nil || !onto[digest.Digest(diff.Inputs[0].Digest)] && !onto[belowNix(res, ops, digest.Digest(diff.Inputs[0].Digest))] {
					t.Errorf("%s: what is merged was not taken from what it is merged onto", file)
				}
			}
		}
	}
	if merges < 2 {
		t.Errorf("%d merges were looked at", merges)
	}
}

// fed returns the names of the vertices that need the files of a source: they rerun if one of these changes.
func fed(t *testing.T, res *Result, source string) []string {
	t.Helper()
	from := find(t, res, source)
	var names []string
	for _, v := range res.Vertices {
		if v.Digest != from && above(res, v.Digest)[from] {
			names = append(names, v.Name)
		}
	}
	return names
}

// An edit, an override and a secret may change these vertices and no others.
func TestWhatChanges(t *testing.T) {
	p := besides(func(_ *plan.Phase, p *plan.Plan) { p.Phases["build"].DependsOn = []string{"install", "docs"} })
	in := defaults(Input{Plan: p, Caps: Caps{Merge: true, Diff: true}})
	before := lower(t, in)
	whole := []string{sourceCopy, "[build] npm run build"}
	joined := slices.Concat([]string{"[app] lay out the outputs of docs"}, whole)
	install := slices.Concat([]string{"[install] copy its files", "[install] npm ci", "[app] make place for the outputs of docs"}, joined)
	for source, want := range map[string][]string{
		"[app] read the source":       whole,
		"[install] read package.json": install,
		"[docs] read docs":            slices.Concat([]string{"[docs] copy its files", "[docs] make docs", "[docs] take public/docs", "[docs] what it made"}, joined),
	} {
		if got := fed(t, before, source); !slices.Equal(got, want) {
			t.Errorf("an edit of what %s gives runs\n%s\nwant\n%s", source, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	p.Phases["install"].Cmds = []string{"npm install"}
	wantFresh(t, "another install command", before, lower(t, in), slices.Concat([]string{"[install] npm install"}, install[2:])...)
	p.Phases["install"].Cmds = []string{"npm ci"}
	p.Phases["build"].Secrets = []string{"TOKEN"}
	wantFresh(t, "a secret that the build asks for", before, lower(t, in), "[build] npm run build")
	p.Variables["A"] = "2"
	if got := fresh(before, lower(t, in)); slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, "[nix]") || strings.HasPrefix(s, "[apt]") }) {
		t.Errorf("another variable changes %q", got)
	}
}

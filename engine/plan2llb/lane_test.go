package plan2llb

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// twoLanguages is nodePlan with the phases of a second language. Phases with install commands have free order.
func twoLanguages(edit ...func(p *plan.Plan)) *plan.Plan {
	p := nodePlan()
	p.Phases["install"].Order = plan.OrderFree
	maps.Copy(p.Phases, map[string]*plan.Phase{
		"py:setup":   {AptPkgs: []string{"python3"}},
		"py:venv":    {DependsOn: []string{"py:setup"}, Cmds: []string{"python -m venv"}, Inputs: []string{}, Order: plan.OrderFree},
		"py:install": {DependsOn: []string{"py:venv"}, Cmds: []string{"pip install"}, Inputs: []string{"requirements.txt"}, Order: plan.OrderFree},
		"py:build":   {DependsOn: []string{"py:install"}, Cmds: []string{"make site"}, Order: plan.OrderFree},
	})
	for _, e := range edit {
		e(p)
	}
	return p
}

func TestWhoseOrderIsFree(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(p *plan.Plan)
		caps Caps
		want []string
	}{
		"a second language":      {func(*plan.Plan) {}, allCaps, []string{"py:build", "py:install", "py:venv"}},
		"an engine that copies":  {func(*plan.Plan) {}, Caps{Merge: true}, nil},
		"nobody else is free":    {func(p *plan.Plan) { p.Phases["install"].Order = "" }, allCaps, nil},
		"one that reads all":     {func(p *plan.Plan) { p.Phases["py:build"].Order = plan.OrderFixed }, allCaps, []string{"py:install", "py:venv"}},
		"one that is waited for": {func(p *plan.Plan) { p.Phases["install"].DependsOn = []string{"py:build"} }, allCaps, nil},
		"the same outputs": {func(p *plan.Plan) {
			p.Phases["install"].Outputs, p.Phases["py:install"].Outputs = []string{"lib"}, []string{"lib/a"}
		}, allCaps, []string{"py:build", "py:venv"}},
		"what the chain needs": {func(p *plan.Plan) {
			p.Phases["tool"] = &plan.Phase{DependsOn: []string{"py:setup"}, Cmds: []string{"get a tool"}, Order: plan.OrderFree}
			p.Phases["install"].DependsOn = []string{"setup", "tool"}
		}, allCaps, []string{"py:build", "py:install", "py:venv"}},
		"two of a user": {func(p *plan.Plan) {
			p.Phases = map[string]*plan.Phase{
				"docs": {Cmds: []string{"make docs"}, Order: plan.OrderFree}, "lint": {Cmds: []string{"lint"}, Order: plan.OrderFree},
			}
		}, allCaps, []string{"lint"}},
	} {
		p := twoLanguages(c.edit)
		order, err := p.Sorted()
		if err != nil {
			t.Fatal(err)
		}
		if got := slices.Sorted(maps.Keys(lanes(Input{Plan: p, Caps: c.caps}, order))); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q run beside the chain, want %q", name, got, c.want)
		}
	}
}

// apart fails if one of two steps needs the other.
func apart(t *testing.T, res *Result, a, b string) {
	t.Helper()
	if above(res, find(t, res, a))[find(t, res, b)] || above(res, find(t, res, b))[find(t, res, a)] {
		t.Errorf("%s and %s wait for one another", a, b)
	}
}

// after fails if a step does not need all of those.
func after(t *testing.T, res *Result, step digest.Digest, those ...string) {
	t.Helper()
	needs := above(res, step)
	for _, name := range those {
		if !needs[find(t, res, name)] {
			t.Errorf("a step does not come after %s", name)
		}
	}
}

// Two languages install and build in parallel. Phases of fixed order see everything that came before, as on one chain.
func TestLanes(t *testing.T) {
	res := lower(t, defaults(Input{Plan: twoLanguages(), Caps: allCaps}))
	apart(t, res, "[install] npm ci", "[py:venv] python")
	apart(t, res, "[install] npm ci", "[py:build] make site")
	after(t, res, find(t, res, "[py:build] make site"), "[py:install] pip install", "[py:venv] python")
	after(t, res, find(t, res, "[build] npm run build"), "[py:venv] python", "[install] npm ci")
	after(t, res, res.Vertices[len(res.Vertices)-1].Digest, "[py:build] make site", "[build] npm run build")
	apart(t, res, "[build] npm run build", "[py:build] make site") // py:build comes later, so neither waits

	p := twoLanguages(func(p *plan.Plan) {
		p.Phases["before"] = &plan.Phase{Cmds: []string{"write a file"}}
		p.Phases["zz"] = &plan.Phase{DependsOn: []string{"before"}, Cmds: []string{"own words"}}
	})
	res = lower(t, defaults(Input{Plan: p, Caps: allCaps}))
	after(t, res, find(t, res, "[py:venv] python"), "[before] write a file") // the command may prepare the other phases
	after(t, res, find(t, res, "[zz] own words"), "[py:venv] python")
	apart(t, res, "[py:install] pip install", "[zz] own words")
}

// A phase that needs two lanes has the changes of both, each once.
func TestLanesMeet(t *testing.T) {
	p := twoLanguages(func(p *plan.Plan) {
		p.Phases["rb"] = &plan.Phase{Cmds: []string{"bundle install"}, Inputs: []string{"Gemfile"}, Order: plan.OrderFree}
		p.Phases["rb:site"] = &plan.Phase{DependsOn: []string{"rb", "py:install"}, Cmds: []string{"jekyll"}, Inputs: []string{}, Order: plan.OrderFree}
	})
	res := lower(t, defaults(Input{Plan: p, Caps: allCaps}))
	after(t, res, find(t, res, "[rb:site] jekyll"), "[rb] bundle install", "[py:install] pip install", "[py:venv] python")
	apart(t, res, "[rb:site] jekyll", "[install] npm ci")
	for name, want := range map[string]int{"[rb] what it changed": 2, "[py:venv] what it changed": 1, "[py:install] what it changed": 1} {
		if got := laid(t, res, find(t, res, name), res.Vertices[len(res.Vertices)-1].Digest); got != want {
			t.Errorf("%s is laid out %d times, want %d", name, got, want)
		}
	}
}

// laid counts the merges that a change is part of, among the vertices that a step needs.
func laid(t *testing.T, res *Result, change, step digest.Digest) (n int) {
	t.Helper()
	needs := above(res, step)
	for d, op := range decode(t, res.Def) {
		if op.GetMerge() == nil || !needs[d] {
			continue
		}
		for _, in := range op.Inputs {
			if digest.Digest(in.Digest) == change {
				n++
			}
		}
	}
	return n
}

// Changes that the chain already has are not merged again for a phase that begins there.
func TestLaneBeginsWithWhatTheChainHas(t *testing.T) {
	p := twoLanguages(func(p *plan.Plan) {
		p.Phases["py:tool"] = &plan.Phase{DependsOn: []string{"py:venv"}, Cmds: []string{"own words"}}
		p.Phases["py:install"].DependsOn = []string{"py:tool"}
	})
	res := lower(t, defaults(Input{Plan: p, Caps: allCaps}))
	step := find(t, res, "[py:install] pip install")
	after(t, res, step, "[py:tool] own words", "[py:venv] python")
	if n := laid(t, res, find(t, res, "[py:venv] what it changed"), step); n != 1 {
		t.Errorf("what py:venv changed is laid out %d times", n)
	}
}

// A lane's changes to the source lie on top of the source and do not contain it.
func TestLanesKeepTheSourceApart(t *testing.T) {
	p := twoLanguages(func(p *plan.Plan) { delete(p.Phases, "build") })
	res := lower(t, defaults(Input{Plan: p, Caps: allCaps}))
	ops := decode(t, res.Def)
	diff := ops[find(t, res, "[py:build] what it changed")]
	if lower := digest.Digest(diff.Inputs[0].Digest); !strings.HasPrefix(nameOf(res, lower), sourceCopy) {
		t.Errorf("what the build changed is told from %q", nameOf(res, lower))
	}
	merge := ops[find(t, res, "[app] lay out what py:venv, py:install, py:build changed")]
	if below := digest.Digest(merge.Inputs[0].Digest); nameOf(res, below) != sourceCopy {
		t.Errorf("it is laid onto %q, without the source", nameOf(res, below))
	}
}

func nameOf(res *Result, d digest.Digest) string {
	for _, v := range res.Vertices {
		if v.Digest == d {
			return v.Name
		}
	}
	return ""
}

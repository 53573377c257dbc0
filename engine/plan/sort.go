package plan

import (
	"maps"
	"slices"
	"strings"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// Sorted returns the names of the phases in the order in which they run. It proceeds in rounds: each round takes the
// phases whose dependencies have run, sorted by name. Names in DependsOn that no phase has are ignored. A cycle is a
// fault (Refused) that names its phases.
func (p *Plan) Sorted() ([]string, error) {
	done := map[string]bool{}
	var order []string
	for len(order) < len(p.Phases) {
		var round []string
		for _, name := range slices.Sorted(maps.Keys(p.Phases)) {
			if !done[name] && p.ready(name, done) {
				round = append(round, name)
			}
		}
		if len(round) == 0 {
			return nil, fault.New(fault.Refused, "phases depend on each other in a cycle: %s", strings.Join(p.cycle(done), " → ")).
				WithHint("remove one of these from dependsOn")
		}
		for _, name := range round {
			done[name] = true
		}
		order = append(order, round...)
	}
	return order, nil
}

// Needs returns the names of the phases that a phase depends on, directly or indirectly.
func (p *Plan) Needs(name string) map[string]bool {
	out := map[string]bool{}
	var add func(name string)
	add = func(name string) {
		ph := p.Phases[name]
		if ph == nil {
			return
		}
		for _, d := range ph.DependsOn {
			if _, known := p.Phases[d]; known && !out[d] {
				out[d] = true
				add(d)
			}
		}
	}
	add(name)
	return out
}

// Beside reports whether some other phase that satisfies such neither depends on this phase nor is a dependency of it.
func (p *Plan) Beside(name string, such func(name string) bool) bool {
	needs := p.Needs(name)
	for other := range p.Phases {
		if other != name && such(other) && !needs[other] && !p.Needs(other)[name] {
			return true
		}
	}
	return false
}

func (p *Plan) ready(name string, done map[string]bool) bool {
	for _, d := range p.Phases[name].DependsOn {
		if _, known := p.Phases[d]; known && !done[d] {
			return false
		}
	}
	return true
}

// cycle starts at the first phase that never ran and follows dependencies that never ran until one repeats.
func (p *Plan) cycle(done map[string]bool) []string {
	var at string
	for _, name := range slices.Sorted(maps.Keys(p.Phases)) {
		if !done[name] {
			at = name
			break
		}
	}
	var path []string
	for !slices.Contains(path, at) {
		path = append(path, at)
		for _, d := range p.Phases[at].DependsOn {
			if _, known := p.Phases[d]; known && !done[d] {
				at = d
				break
			}
		}
	}
	return append(path[slices.Index(path, at):], at)
}

// Cycle returns a path of phases that depend on one another, with its first name repeated at the end, or nil if there is
// none.
func (p *Plan) Cycle() []string {
	done := map[string]bool{}
	for progress := true; progress; {
		progress = false
		for name := range p.Phases {
			if !done[name] && p.ready(name, done) {
				done[name], progress = true, true
			}
		}
	}
	if len(done) == len(p.Phases) {
		return nil
	}
	return p.cycle(done)
}

package plan2llb

import (
	"slices"
	"strings"

	"github.com/moby/buildkit/client/llb"

	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// lane is a phase of free order that runs beside the chain. Its changes are merged onto every state that needs them: a
// phase of free order promises to change nothing that others change, so they fit.
type lane struct {
	from  int       // index of the place in the chain where it begins (place.at)
	end   llb.State // its last state, with everything that it builds on
	whole bool      // end has the whole app
	holds []string  // the lanes whose changes end has, its own included
	made  llb.State // its own changes
}

// lanes returns the phases that run as lanes: those of free order for which another phase of free order, on the chain,
// can run in parallel. The phases that providers call setup, install and build are always on the chain, and so is the
// first of the others in sequential order.
func lanes(in Input, order []string) map[string]bool {
	out := map[string]bool{}
	if in.Caps != allCaps {
		return out
	}
	for i, name := range order {
		ph := in.Plan.Phases[name]
		if !ph.Free() || slices.Contains(trunkNames, name) || overlaps(in.Plan, name, relative(ph.Outputs)) {
			continue
		}
		if in.Plan.Beside(name, func(other string) bool {
			return in.Plan.Phases[other].Free() && !out[other] && (slices.Contains(trunkNames, other) || slices.Contains(order[:i], other))
		}) {
			out[name] = true
		}
	}
	return out
}

// runLane runs a phase as a lane.
func (l *lowering) runLane(name string, ph *plan.Phase) {
	needs := l.in.Plan.Needs(name)
	trunk := l.here()
	begin := l.placeFor(func(done string) bool { return needs[done] || l.prepares(done, needs) })
	holds := l.beginAt(name, begin, needs)
	before := l.run(name, ph)
	l.lanes[name] = &lane{from: begin.at, end: l.state, whole: l.whole, holds: append(holds, name),
		made: llb.Diff(before, l.state, named("["+name+"] what it changed"))}
	l.apart = append(l.apart, name)
	l.state, l.whole = trunk.state, trunk.whole
}

// prepares reports whether a phase of the chain may have to precede one with these needs without being named in
// dependsOn. That is so for a phase of fixed order that waits for no command that the other does not wait for.
func (l *lowering) prepares(done string, needs map[string]bool) bool {
	phases := l.in.Plan.Phases
	if phases[done].Free() {
		return false
	}
	for name := range l.in.Plan.Needs(done) {
		if len(phases[name].Cmds) > 0 && !needs[name] {
			return false
		}
	}
	return true
}

// goOn merges onto a place in the chain the changes of the lanes that a phase needs, and returns these lanes. If one of
// them began at that place, the phase continues from its end instead.
func (l *lowering) goOn(name string, begin place, needs map[string]bool) []string {
	var missing []string
	for _, other := range l.order {
		if l.lanes[other] != nil && needs[other] && !slices.Contains(begin.has, other) {
			missing = append(missing, other)
		}
	}
	holds := slices.Clone(missing)
	for _, other := range slices.Backward(missing) {
		if last := l.lanes[other]; last.from == begin.at {
			l.state, l.whole = last.end, last.whole
			missing = slices.DeleteFunc(missing, func(n string) bool { return slices.Contains(last.holds, n) })
			break
		}
	}
	l.lay(missing, "["+name+"] lay out what "+strings.Join(missing, ", ")+" changed")
	return holds
}

// gather merges onto the chain the changes of lanes that it lacks: of those that the phase needs if it is of free order
// itself, or else of all.
func (l *lowering) gather(phase string) {
	needs, ph := l.in.Plan.Needs(phase), l.in.Plan.Phases[phase]
	var names []string
	l.apart = slices.DeleteFunc(l.apart, func(name string) bool {
		take := ph == nil || !ph.Free() || needs[name]
		if take {
			names = append(names, name)
		}
		return take
	})
	if !l.whole && slices.ContainsFunc(names, func(n string) bool { return l.lanes[n].whole }) {
		l.copyWhole(l.copyInfo()) // the merged changes of the app's own files belong on top of it
	}
	l.lay(names, "[app] lay out what "+strings.Join(names, ", ")+" changed")
	l.has = append(l.has, names...)
}

// lay merges the changes of lanes onto the current state.
func (l *lowering) lay(names []string, label string) {
	if len(names) == 0 {
		return
	}
	all := []llb.State{l.state}
	for _, n := range names {
		all = append(all, l.lanes[n].made)
	}
	l.state = llb.Merge(all, named(label))
}

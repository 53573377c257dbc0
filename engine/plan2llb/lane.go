package plan2llb

import (
	"slices"
	"strings"

	"github.com/moby/buildkit/client/llb"

	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// lane is a phase of free order that runs beside the chain. What it changes is merged onto whatever needs it: that says
// that it changes nothing that others change, so that it fits there.
type lane struct {
	from  int       // the place in the chain where it begins
	end   llb.State // with all that it goes on from
	whole bool      // the whole app is in end
	holds []string  // the phases beside the chain whose changes end has, its own too
	made  llb.State // its own changes
}

// lanes are the phases that run beside the chain with all that they change: those of free order that another one of free
// order, which is on the chain, need not wait for. What providers call setup, install and build is always on it, and so is
// the first of others, in the order in which they would run one after another.
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

// runLane runs a phase beside the chain.
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

// prepares tells whether a phase of the chain may be meant to come before one with these needs, though it does not say so: one
// of fixed order, that waits for no command that the other does not wait for.
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

// goOn adds to a place of the chain the changes of the lanes that a phase needs, and names these. Where one of them began
// there, its end is where the phase goes on.
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

// gather lays onto the chain what lanes changed that it does not have yet: of those that the phase needs if that is of
// free order itself, or else of all.
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
		l.copyWhole(l.copyInfo()) // changes of the app's own files come to lie on these
	}
	l.lay(names, "[app] lay out what "+strings.Join(names, ", ")+" changed")
	l.has = append(l.has, names...)
}

// lay lays onto the image so far what lanes changed.
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

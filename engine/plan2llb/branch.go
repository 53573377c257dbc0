package plan2llb

import (
	"slices"
	"strings"

	"github.com/moby/buildkit/client/llb"

	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// trunkNames are the phases that never branch. The phases that providers call so may leave programs and files anywhere,
// and later phases rely on them.
var trunkNames = []string{"setup", "install", "build"}

// branch is a phase that runs beside the chain.
type branch struct {
	start, end llb.State
	outputs    []string // paths below /app
}

// branches returns the phases that run as branches, each with its outputs. Such a phase declares all that it reads and
// makes, no other phase makes its outputs, and some other phase with commands can run in parallel to it.
func branches(p *plan.Plan) map[string][]string {
	out := map[string][]string{}
	for name, ph := range p.Phases {
		paths := relative(ph.Outputs)
		if canBranch(name, ph, paths) && !overlaps(p, name, paths) && p.Beside(name, func(other string) bool { return len(p.Phases[other].Cmds) > 0 && !p.Phases[other].ForStart() }) {
			out[name] = sortedSet(paths)
		}
	}
	return out
}

// canBranch reports whether a phase declares everything that it reads and makes. Outputs with wildcards do not count:
// they cannot be told apart from those of other phases.
func canBranch(name string, ph *plan.Phase, outputs []string) bool {
	short := name[strings.LastIndexByte(name, ':')+1:]
	return len(ph.Cmds) > 0 && !ph.ForStart() && ph.Inputs != nil && len(outputs) > 0 && !slices.Contains(trunkNames, short) &&
		!hasAll(ph) && !slices.ContainsFunc(outputs, func(o string) bool { return o == "" || hasWildcard(o) })
}

// overlaps reports whether another phase makes one of the paths, a path below one, or a folder above one.
func overlaps(p *plan.Plan, name string, paths []string) bool {
	for other, ph := range p.Phases {
		if other == name || ph.ForStart() {
			continue
		}
		for _, theirs := range relative(ph.Outputs) {
			if i := strings.IndexAny(theirs, wildcards); i >= 0 {
				theirs = theirs[:strings.LastIndexByte("/"+theirs[:i], '/')]
			}
			for _, ours := range paths {
				if within(ours, theirs) || within(theirs, ours) {
					return true
				}
			}
		}
	}
	return false
}

const wildcards = `*?[{\`

func hasWildcard(p string) bool { return strings.ContainsAny(p, wildcards) }

// within reports whether path is folder or lies in it. The folder "" is the whole app.
func within(path, folder string) bool {
	return folder == "" || path == folder || strings.HasPrefix(path, folder+"/")
}

// branchOff runs a phase as a branch. The chain takes its outputs later (join).
func (l *lowering) branchOff(name string, ph *plan.Phase) {
	l.branched[name] = l.aside(name, ph, l.beside[name])
	l.waiting = append(l.waiting, name)
}

// aside runs a phase from the place in the chain after the last phase that it needs, with the outputs of the branches
// that it needs. It leaves the chain unchanged.
func (l *lowering) aside(name string, ph *plan.Phase, outputs []string) *branch {
	needs := l.in.Plan.Needs(name)
	trunk := l.here()
	from := l.placeFor(func(done string) bool { return needs[done] })
	l.beginAt(name, from, needs)
	l.run(name, ph)
	b := &branch{start: from.state, end: l.state, outputs: outputs}
	l.state, l.whole = trunk.state, trunk.whole
	return b
}

// here returns the current end of the chain.
func (l *lowering) here() place {
	return place{at: len(l.chained), state: l.state, whole: l.whole, has: slices.Clone(l.has)}
}

// placeFor returns the place in the chain after the last phase that is needed, or the one before all phases.
func (l *lowering) placeFor(needed func(phase string) bool) place {
	from := place{state: l.root}
	for _, done := range l.chained {
		if needed(done.phase) {
			from = done
		}
	}
	return from
}

// beginAt starts a phase at a place in the chain and adds what the branches and lanes that it needs made. It returns the
// lanes whose changes the state now has.
func (l *lowering) beginAt(name string, from place, needs map[string]bool) []string {
	l.state, l.whole = from.state, from.whole
	all := l.goOn(name, from, needs)
	for _, other := range l.order {
		if b := l.branched[other]; b != nil && needs[other] {
			l.state = l.state.File(b.copyOut(nil), named("["+name+"] take "+strings.Join(b.outputs, " ")+" of "+other))
		}
	}
	return all
}

// join takes the outputs of branches into the chain: of those that the phase needs, or of all if phase is "".
func (l *lowering) join(phase string) {
	var names []string
	needs := l.in.Plan.Needs(phase)
	l.waiting = slices.DeleteFunc(l.waiting, func(name string) bool {
		take := phase == "" || needs[name]
		if take {
			names = append(names, name)
		}
		return take
	})
	if len(names) == 0 {
		return
	}
	if l.in.Caps == allCaps {
		l.joinMerged(names)
		return
	}
	var a *llb.FileAction
	for _, name := range names {
		a = l.branched[name].copyOut(a)
	}
	l.state = l.state.File(a, named("[app] take the outputs of "+strings.Join(names, ", ")))
}

// joinMerged merges the outputs of branches onto the chain. Each output is copied once, onto the state where its branch
// started. That difference stays valid when the chain changes: the chain continues from the same state.
func (l *lowering) joinMerged(names []string) {
	var a *llb.FileAction
	for _, name := range names {
		a = l.branched[name].clear(a)
	}
	all := []llb.State{l.state.File(a, named("[app] make place for the outputs of "+strings.Join(names, ", ")))}
	for _, name := range names {
		b := l.branched[name]
		taken := b.start.File(b.copyOut(nil), named("["+name+"] take "+strings.Join(b.outputs, " ")),
			l.from(strings.Join(b.outputs, " "), "phases", name, "outputs"))
		all = append(all, llb.Diff(b.start, taken, named("["+name+"] what it made")))
	}
	l.state = llb.Merge(all, named("[app] lay out the outputs of "+strings.Join(names, ", ")))
}

// copyOut appends to a a copy of the branch's outputs to their paths.
func (b *branch) copyOut(a *llb.FileAction) *llb.FileAction {
	return b.clear(a).Copy(b.end, AppDir, AppDir, &llb.CopyInfo{CopyDirContentsOnly: true, IncludePatterns: b.outputs})
}

// clear appends to a the removal of whatever lies at the paths of the branch's outputs: only the phase that declares
// them makes them. Otherwise a file and a folder of the same name would clash, and two folders would mix.
func (b *branch) clear(a *llb.FileAction) *llb.FileAction {
	for _, o := range b.outputs {
		a = thenRm(a, inApp(o))
	}
	return a
}

package unify

import (
	"fmt"
	"maps"
	"slices"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/lazy"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// callsNix matches a command that calls Nix.
var callsNix = lazy.Regexp(`(^|[^\w/.-])nix(-\w+)*(\s|$)`)

// unknownNix is unknown for a run image that is the build image without some Nix packages: it has everything else
// that the commands produced.
func (u *unifier) unknownNix(p *plan.Plan) (fault.Pos, string) {
	if at, why := u.unknownStart(p); why != "" {
		return at, why
	}
	for _, name := range slices.Sorted(maps.Keys(p.Phases)) {
		ph, own := p.Phases[name], orEmpty(u.provided.Phases[name])
		for _, cmd := range without(ph.Cmds, own.Cmds) {
			if callsNix().MatchString(cmd) {
				at, _ := u.origin([]string{"phases", name, "cmds"}, cmd)
				return at, fmt.Sprintf("phase %s calls Nix, and the app may need any of its output at run time", name)
			}
		}
		for _, l := range append(nixLists(ph, own), addition{"aptPkgs", without(ph.AptPkgs, own.AptPkgs)}) {
			if len(l.added) > 0 && slices.ContainsFunc(u.slims, func(s *slim) bool { return s.Unless == "packages" }) {
				at, _ := u.origin([]string{"phases", name, l.field}, l.added[0])
				return at, fmt.Sprintf("phase %s adds packages, and locating their libraries at run time may need a compiler", name)
			}
		}
	}
	return fault.Pos{}, ""
}

// unknownStart is unknown for the commands that the image can start.
func (u *unifier) unknownStart(p *plan.Plan) (fault.Pos, string) {
	if p.Start == nil {
		return fault.Pos{}, ""
	}
	own := startCmd(u.provided)
	if cmd := p.Start.Cmd; cmd != own && callsNix().MatchString(cmd) {
		at, _ := u.origin([]string{"start", "cmd"}, "")
		return at, "the start command calls Nix"
	}
	for _, name := range slices.Sorted(maps.Keys(p.Start.Processes)) {
		if cmd := p.Start.Processes[name]; cmd != own && (u.lacks(cmd) || callsNix().MatchString(cmd)) {
			at, _ := u.origin([]string{"start", "processes", name}, "")
			return at, fmt.Sprintf("the process %s is not the provider's, and may need more files or packages at run time", name)
		}
	}
	return fault.Pos{}, ""
}

// runningNix returns the Nix packages of the run image: those of names that a phase has, and those that the user added.
func (u *unifier) runningNix(p *plan.Plan, names []string) []string {
	var has []string
	for _, ph := range p.Phases {
		has = append(has, nixPkgs(ph)...)
	}
	names = slices.DeleteFunc(slices.Clone(names), func(n string) bool { return !slices.Contains(has, n) })
	return append([]string{}, unique(slices.Concat(names, u.added(p, nixPkgs)))...)
}

func nixPkgs(ph *plan.Phase) []string { return ph.NixPkgs }
func aptPkgs(ph *plan.Phase) []string { return ph.AptPkgs }

package unify

import (
	"fmt"
	"maps"
	"slices"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/lazy"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// callsNix is a command that works on the Nix store.
var callsNix = lazy.Regexp(`(^|[^\w/.-])nix(-\w+)*(\s|$)`)

// unknownNix is unknown where the image that runs is the one that builds without some Nix packages: it has everything else
// that commands made.
func (u *unifier) unknownNix(p *plan.Plan) (fault.Pos, string) {
	if at, why := u.unknownStart(p); why != "" {
		return at, why
	}
	for _, name := range slices.Sorted(maps.Keys(p.Phases)) {
		ph, own := p.Phases[name], orEmpty(u.provided.Phases[name])
		for _, cmd := range without(ph.Cmds, own.Cmds) {
			if callsNix().MatchString(cmd) {
				at, _ := u.origin([]string{"phases", name, "cmds"}, cmd)
				return at, fmt.Sprintf("phase %s calls Nix, and what running needs of its work is not known", name)
			}
		}
		for _, l := range append(nixLists(ph, own), addition{"aptPkgs", without(ph.AptPkgs, own.AptPkgs)}) {
			if len(l.added) > 0 && slices.ContainsFunc(u.slims, func(s *slim) bool { return s.Unless == "packages" }) {
				at, _ := u.origin([]string{"phases", name, l.field}, l.added[0])
				return at, fmt.Sprintf("phase %s adds packages, and what finds their libraries may need a compiler", name)
			}
		}
	}
	return fault.Pos{}, ""
}

// unknownStart is unknown of the commands that the image can start.
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
			return at, fmt.Sprintf("the process %s is not the provider's, and may need more than running the provider's own command does", name)
		}
	}
	return fault.Pos{}, ""
}

// runningNix are the Nix packages of an image that runs: of names those that phases have, and those that the user adds.
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

package unify

import (
	"maps"
	"slices"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// choose makes the process that --process names the start command. Its position is that of the process.
func (u *unifier) choose(p *plan.Plan) {
	name := u.options.Flags.Process
	if name == "" || p.Start == nil || p.Start.Processes[name] == "" {
		return
	}
	p.Start.Cmd = p.Start.Processes[name]
	u.layers = append(u.layers, layer{plan: &plan.Plan{Start: &plan.Start{Cmd: p.Start.Cmd}}, at: func(path []string) (fault.Pos, bool) {
		return u.origin([]string{"start", "processes", name}, "")
	}})
}

// chosen refuses the name of a process that does not exist.
func (u *unifier) chosen(p *plan.Plan) error {
	name := u.options.Flags.Process
	if name == "" {
		return nil
	}
	if u.options.Flags.StartCmd != nil {
		return fault.New(fault.Usage, "--process cannot be combined with --start-cmd").WithHint("remove one of them")
	}
	var names []string
	if p.Start != nil {
		names = slices.Sorted(maps.Keys(p.Start.Processes))
	}
	switch {
	case slices.Contains(names, name):
		return nil
	case len(names) == 0:
		return fault.New(fault.Usage, "the app has no processes, so there is no process %q", name).
			WithHint("add it to a Procfile (%s: COMMAND), or to start.processes in the configuration file", name)
	}
	return fault.New(fault.Usage, "there is no process %q", name).WithHint("%s", fault.DidYouMean(name, names))
}

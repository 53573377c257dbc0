package plan2llb

import (
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/moby/buildkit/client/llb"

	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// forStart refuses phases with OutputsFor that do not declare their inputs and outputs, and other uses of their outputs.
func (c *checks) forStart(p *plan.Plan) {
	made := map[string][]string{}
	for _, name := range slices.Sorted(maps.Keys(p.Phases)) {
		ph := p.Phases[name]
		if ph == nil || !ph.ForStart() {
			continue
		}
		at := "phases." + name
		made[name] = relative(ph.Outputs)
		if ph.Inputs == nil || len(ph.Cmds) == 0 {
			c.refuse("%s.outputsFor: the phase needs cmds and inputs; inputs may be an empty list", at)
		}
		if len(ph.Outputs) == 0 || slices.ContainsFunc(made[name], func(o string) bool { return o == "" || hasWildcard(o) }) {
			c.refuse("%s.outputsFor: outputs must be paths of the app without patterns", at)
		}
		for _, other := range slices.Sorted(maps.Keys(p.Phases)) {
			if o := p.Phases[other]; o != nil && slices.Contains(o.DependsOn, name) {
				c.refuse("phases.%s.dependsOn: %s creates files only for the run image", other, name).WithHint("remove the dependency, or outputsFor")
			}
		}
	}
	c.forStartTaken(p, made)
}

// forStartTaken refuses patterns of start.onlyIncludeFiles that may match more than the outputs of such a phase.
func (c *checks) forStartTaken(p *plan.Plan, made map[string][]string) {
	if p.Start == nil {
		return
	}
	for _, f := range p.Start.OnlyIncludeFiles {
		for _, name := range slices.Sorted(maps.Keys(made)) {
			for _, o := range made[name] {
				if rel, ok := belowApp(f); ok && hasWildcard(rel) && alike(rel, o) && len(segments(rel)) <= len(segments(o)) {
					c.refuse("start.onlyIncludeFiles: %q matches %s, which the phase %s creates for the run image", f, o, name).
						WithHint("list the files and folders without a pattern")
				}
			}
		}
	}
}

// takeForStart copies into the run image those outputs for it that lie in folders that it takes. They are a layer that
// depends on no other phase.
func (l *lowering) takeForStart(only []string) {
	var a *llb.FileAction
	var all []string
	for _, b := range l.forStart {
		outputs := slices.DeleteFunc(slices.Clone(b.outputs), func(o string) bool {
			return !slices.ContainsFunc(only, func(f string) bool {
				rel, ok := belowApp(f)
				return ok && within(o, rel) && o != rel
			})
		})
		if len(outputs) == 0 {
			continue
		}
		info := l.taken(".")
		info.IncludePatterns = outputs
		a = then(a, b.end, AppDir, AppDir, info)
		all = append(all, outputs...)
	}
	if a != nil {
		l.state = l.state.File(a, named("[start] copy "+strings.Join(all, " ")), l.from(strings.Join(only, " "), "start", "onlyIncludeFiles"))
	}
}

// maker returns the source of a file of the run image: the phase that made it for that image, or else the chain.
func (l *lowering) maker(file string, built llb.State) llb.State {
	rel, ok := belowApp(file)
	for _, b := range l.forStart {
		if ok && slices.ContainsFunc(b.outputs, func(o string) bool { return alike(rel, o) && len(segments(rel)) >= len(segments(o)) }) {
			return b.end
		}
	}
	return built
}

// takenBut is like taken, but excludes the outputs for the run image below the file.
func (l *lowering) takenBut(file string) *llb.CopyInfo {
	info := l.taken(file)
	rel, ok := belowApp(file)
	for _, b := range l.forStart {
		for _, o := range b.outputs {
			if ok && within(o, rel) && o != rel {
				info.ExcludePatterns = append(info.ExcludePatterns, strings.TrimPrefix(strings.TrimPrefix(o, rel), "/"))
			}
		}
	}
	return info
}

// replace copies outputs for the final image over the end of the chain, where that is the final image.
func (l *lowering) replace() {
	for _, b := range l.forStart {
		l.state = l.state.File(b.copyOut(nil), named("[start] take "+strings.Join(b.outputs, " ")))
	}
}

// belowApp returns a file of the run image relative to the app; "" is the app itself. It returns false for files
// elsewhere.
func belowApp(file string) (string, bool) {
	if isAll(file) {
		return "", true
	}
	full := inApp(file)
	return strings.TrimPrefix(strings.TrimPrefix(full, AppDir), "/"), within(full, AppDir)
}

// alike reports whether two paths match up to the length of the shorter one. The first may be a pattern.
func alike(pattern, name string) bool {
	ps, ns := segments(pattern), segments(name)
	for i := range min(len(ps), len(ns)) {
		if ok, _ := path.Match(ps[i], ns[i]); !ok {
			return false
		}
	}
	return true
}

func segments(p string) []string {
	if p == "" {
		return nil
	}
	return strings.Split(p, "/")
}

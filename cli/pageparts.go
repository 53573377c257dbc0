package cli

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/docker/go-units"

	"github.com/nixpacks-cue/nixpacks/cli/page"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
	"github.com/nixpacks-cue/nixpacks/engine/progress"
	"github.com/nixpacks-cue/nixpacks/engine/unify"
)

// pagePhases returns the phases of a plan in the order in which they run.
func pagePhases(p *plan.Plan) (out []page.Phase) {
	order, err := p.Sorted()
	if err != nil {
		return nil // a cycle, which is refused elsewhere
	}
	for _, name := range order {
		ph := p.Phases[name]
		q := page.Phase{Name: name, Commands: ph.Cmds, Reads: ph.Inputs, Packages: slices.Concat(ph.NixPkgs, ph.NixLibs, ph.AptPkgs)}
		q.ReadsAll = len(ph.Cmds) > 0 && ph.Inputs == nil
		for _, d := range ph.DependsOn {
			if p.Phases[d] != nil {
				q.After = append(q.After, d)
			}
		}
		if ph.Order != "" {
			q.More = append(q.More, page.Row{Name: "order", Value: ph.Order})
		}
		if ph.ForStart() {
			q.More = append(q.More, page.Row{Name: "for", Value: "the image that runs alone"})
		}
		for _, m := range []struct {
			name string
			list []string
		}{{"keeps", ph.CacheDirectories}, {"on PATH", ph.Paths}, {"makes", ph.Outputs}} {
			if len(m.list) > 0 {
				q.More = append(q.More, page.Row{Name: m.name, Value: strings.Join(m.list, " ")})
			}
		}
		out = append(out, q)
	}
	return out
}

// pageStart returns what the image runs.
func pageStart(p *plan.Plan) *page.Phase {
	s := p.Start
	if s == nil {
		return &page.Phase{}
	}
	q := &page.Phase{Packages: slices.Concat(s.AptPkgs, s.NixPkgs)}
	if s.Cmd != "" {
		q.Commands = []string{s.Cmd}
	}
	for _, r := range []page.Row{{Name: "in image", Value: s.RunImage}, {Name: "as user", Value: s.User}, {Name: "in", Value: s.Workdir}, {Name: "ports", Value: strings.Join(s.Ports, " ")}} {
		if r.Value != "" {
			q.More = append(q.More, r)
		}
	}
	return q
}

// addOutcome sets how a phase went, by its commands. If it has none, its packages count, which are installed for all phases
// at once.
func addOutcome(p *page.Phase, trace *progress.Trace, failed bool) {
	var list []*progress.Span
	for _, s := range trace.Steps {
		if s.Phase == p.Name {
			list = append(list, s.Span)
		}
	}
	if len(list) == 0 && len(p.Packages) > 0 {
		for i, s := range trace.Spans {
			if (strings.HasPrefix(s.Name, "[apt]") || strings.HasPrefix(s.Name, "[nix]")) && slices.ContainsFunc(p.Packages, func(pkg string) bool {
				return slices.Contains(strings.Fields(s.Name), pkg)
			}) {
				list = append(list, &trace.Spans[i])
			}
		}
		if len(list) == 0 {
			list = []*progress.Span{nil}
		}
	}
	for _, s := range list {
		state := page.Cached
		switch {
		case s != nil:
			state = stateOf(*s)
			if state == page.Ran || state == page.Failed {
				p.Took += s.Completed.Sub(s.Started)
			}
		case failed:
			state = page.NotRun
		}
		if order := []page.State{page.Unknown, page.Cached, page.Ran, page.NotRun, page.Failed}; slices.Index(order, state) > slices.Index(order, p.State) {
			p.State = state
		}
	}
	p.Took = max(p.Took, 0)
}

func stateOf(s progress.Span) page.State {
	switch {
	case s.Error != "":
		return page.Failed
	case s.Cached:
		return page.Cached
	case s.Started.IsZero() || s.Completed.IsZero():
		return page.NotRun
	}
	return page.Ran
}

// leastPart is how long a part of a step must take to be listed.
const leastPart = time.Second / 10

// spans returns the steps of a build for the timeline. It leaves out steps that never ran because what needs them was in
// the cache.
func spans(trace *progress.Trace) (out []page.Span) {
	for _, s := range trace.Spans {
		if s.Started.IsZero() && s.Error == "" && !s.Cached {
			continue
		}
		q := page.Span{Name: s.Name, Started: s.Started, Completed: s.Completed, State: stateOf(s)}
		for _, part := range s.Parts {
			if part.Started.IsZero() || part.Completed.Sub(part.Started) < leastPart {
				continue
			}
			what := strings.TrimRight(part.Name, ": ")
			if part.Bytes > 0 {
				what += ", " + units.HumanSize(float64(part.Bytes))
			}
			q.Parts = append(q.Parts, fmt.Sprintf("%s: %s", what, page.Took(part.Completed.Sub(part.Started))))
		}
		out = append(out, q)
	}
	return out
}

func pageVersions(list []versionSource) (out []page.Version) {
	for _, v := range list {
		out = append(out, page.Version{Of: v.Of, Version: v.Version, Because: v.Because, At: strs(v.At)})
	}
	return out
}

func pageWarnings(notes []unify.Note) (out []page.Warning) {
	for _, n := range notes {
		out = append(out, page.Warning{Text: n.Text, Hint: n.Hint, At: strs(n.At)})
	}
	return out
}

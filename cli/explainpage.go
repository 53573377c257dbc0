package cli

import (
	"cmp"
	"strings"

	"github.com/nixpacks-cue/nixpacks/cli/page"
)

// page returns the explanation as HTML. It has the form of a build report, without what only a build knows.
func (e *explanation) page(p *planned, path, value string) *page.Page {
	out := &page.Page{Title: "Plan of " + path, App: path, Versions: pageVersions(e.Versions),
		Facts: []page.Row{{Name: "providers", Value: orNone(strings.Join(p.Providers, ", "))}, {Name: "build image", Value: p.Plan.BuildImage}},
		Note:  "Written by nixpacks " + version() + "."}
	if value == "" {
		out.Phases, out.Start = pagePhases(p.Plan), pageStart(p.Plan)
		out.Warnings = pageWarnings(p.Notes)
	} else {
		out.Title = cmp.Or(value, "Values") + " in the plan of " + path
	}
	for _, v := range e.Values {
		q := page.Value{Path: v.Path, Value: compact(v.Value)}
		for _, s := range v.Said {
			q.Said = append(q.Said, pageSaid(s))
		}
		out.Values = append(out.Values, q)
	}
	for _, c := range e.Providers {
		out.Candidates = append(out.Candidates, page.Candidate{Name: c.Name, Why: c.Why, Plans: c.Plans})
	}
	return out
}

func pageSaid(s said) page.Said {
	out := page.Said{By: setBy(s.At, s.At.File != ""), Value: compact(s.Value), Absent: absent(s.Rests)}
	for _, r := range s.Rests {
		if r.Found {
			out.Because = append(out.Because, page.Because{Fact: basisName(r), Value: finding(r), At: strs(r.At)})
		}
	}
	return out
}

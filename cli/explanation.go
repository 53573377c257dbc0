package cli

import (
	"slices"
	"strings"

	"github.com/nixpacks-cue/nixpacks/engine/catalog"
	"github.com/nixpacks-cue/nixpacks/engine/detect"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// explanation is what `explain` prints as JSON.
type explanation struct {
	Providers []candidate     `json:"providers"`
	Versions  []versionSource `json:"versions,omitempty"`
	Values    []valueSource   `json:"values"`
}

// candidate is a provider, and whether it plans the app.
type candidate struct {
	Name     string      `json:"name"`
	Plans    bool        `json:"plans"`
	Detects  bool        `json:"detects"`
	LooksFor string      `json:"looksFor"`
	Found    []fault.Pos `json:"found,omitempty"`
	Why      string      `json:"why"`
}

type versionSource struct {
	Of      string      `json:"of"`
	Version string      `json:"version"`
	Because string      `json:"because"`
	At      []fault.Pos `json:"at,omitempty"`
}

func versionSources(versions []catalog.Version) (out []versionSource) {
	for _, v := range versions {
		out = append(out, versionSource{v.Of, v.Version, v.Source(), v.At})
	}
	return out
}

// valueSource is a value of the plan, with everyone who sets it. The last of them wins.
type valueSource struct {
	Path  string `json:"path"`
	Value any    `json:"value"`
	Said  []said `json:"said"` // empty for a default
	setBy string
}

type said struct {
	Value any             `json:"value"`
	At    fault.Pos       `json:"at"`
	Rests []catalog.Basis `json:"rests,omitempty"` // the facts about the app for which a provider says so
}

// explanationOf explains a plan, or only the values at and below value. With reasons, it also lists for each value everyone
// who sets it, and why. The app must be open.
func explanationOf(p *planned, value string, reasons bool) (*explanation, error) {
	e := &explanation{Values: []valueSource{}, Versions: versionSources(p.Versions)}
	var err error
	if e.Providers, err = candidatesOf(p); err != nil {
		return nil, err
	}
	var paths []string
	for _, l := range p.Plan.Leaves() {
		if l.Path[0] == "providers" { // a finished plan has no providers left to run
			continue
		}
		path := plan.Path(l.Path...)
		paths = append(paths, path)
		if value != "" && path != value && !strings.HasPrefix(path, value+".") {
			continue
		}
		v := valueSource{Path: path, Value: l.Value, Said: []said{}}
		if v.setBy = setBy(p.Origin(l.Path...)); reasons {
			all, err := p.Said(l.Path...)
			if err != nil {
				return nil, err
			}
			for _, s := range all {
				v.Said = append(v.Said, said(s))
			}
		}
		e.Values = append(e.Values, v)
	}
	if value != "" && len(e.Values) == 0 {
		return nil, fault.New(fault.Usage, "the plan has no value %s", value).WithHint("%s", fault.DidYouMean(value, paths))
	}
	return e, nil
}

// candidatesOf returns the providers that are tried, and those that plan the app without being tried.
func candidatesOf(p *planned) ([]candidate, error) {
	tried, err := detect.Candidates(p.App, p.catalog, p.Variables)
	if err != nil {
		return nil, err
	}
	detected := ""
	var out []candidate
	for _, t := range tried {
		c := candidate{Name: t.Name, Plans: slices.Contains(p.Providers, t.Name), Detects: t.Detects, LooksFor: t.LooksFor, Found: t.Found}
		switch {
		case t.Detects && detected == "":
			detected = t.Name
			c.Why = "found " + places(t.Found)
			if !c.Plans {
				c.Why += ", but the configuration names others"
			}
		case c.Plans:
			c.Why = "the configuration names it"
		case t.Detects:
			c.Why = "found " + places(t.Found) + ", but " + detected + " comes first"
		default:
			c.Why = "no " + t.LooksFor
		}
		out = append(out, c)
	}
	for _, name := range p.Providers {
		if !slices.ContainsFunc(out, func(c candidate) bool { return c.Name == name }) {
			provider, _ := p.catalog.Get(name)
			out = append(out, candidate{Name: name, Plans: true, LooksFor: detect.Lookup(provider.Detect()), Why: "the configuration names it"})
		}
	}
	return out, nil
}

func places(at []fault.Pos) string {
	var out []string
	for _, a := range at {
		out = append(out, a.String())
	}
	return strings.Join(out, ", ")
}

// Package detect finds the provider for an app. It reads the providers' rules, which are data: no CUE is
// evaluated, and one app costs a few looks at its directory.
package detect

import (
	"strings"

	"github.com/nixpacks-cue/nixpacks/engine/app"
	"github.com/nixpacks-cue/nixpacks/engine/catalog"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// Detect names the provider that recognizes the app: the first in the catalog's order; none is an empty
// list. It is a fault where a file that a rule searches cannot be read.
func Detect(a *app.App, c *catalog.Catalog, env map[string]string) ([]string, error) {
	for _, p := range c.Tried() {
		ok, err := p.Detect().Holds(a, env)
		if err != nil {
			return nil, err
		}
		if ok {
			return []string{p.Name}, nil
		}
	}
	return []string{}, nil
}

// Candidate is a provider that may detect an app, and whether it does.
type Candidate struct {
	Name     string
	LooksFor string // in words
	Detects  bool
	Found    []fault.Pos // what it recognizes the app by
}

// Candidates judges the app by the rules of all providers that are tried, in their order: of those that detect it, Detect
// names the first.
func Candidates(a *app.App, c *catalog.Catalog, env map[string]string) ([]Candidate, error) {
	var out []Candidate
	for _, p := range c.Tried() {
		found, ok, err := p.Detect().Found(a, env)
		if err != nil {
			return nil, err
		}
		out = append(out, Candidate{p.Name, Lookup(p.Detect()), ok, found})
	}
	return out, nil
}

// Lookup says in words what a rule looks for in an app: `main.go or go.mod`.
func Lookup(r catalog.Rule) string {
	words := func(rules []catalog.Rule, between string) string {
		parts := make([]string, len(rules))
		for i, r := range rules {
			parts[i] = Lookup(r)
		}
		return strings.Join(parts, between)
	}
	switch {
	case r.Any != nil:
		return words(r.Any, " or ")
	case r.All != nil:
		return words(r.All, " with ")
	}
	return r.Ask.Files()
}

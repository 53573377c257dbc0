// Package detect finds the provider for an app. It uses the providers' rules, which are data: it evaluates no
// CUE, and detection takes a few lookups in the app's directory.
package detect

import (
	"strings"

	"github.com/nixpacks-cue/nixpacks/engine/app"
	"github.com/nixpacks-cue/nixpacks/engine/catalog"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// Detect returns the provider that recognizes the app, which is the first in the catalog's order, or an empty
// list if there is none. It is a fault if a file that a rule searches cannot be read.
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
	Found    []fault.Pos // the positions that satisfy its rule
}

// Candidates evaluates the rules of all providers that are tried, in order. Detect returns the first of those that detect
// the app.
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

// Lookup describes what a rule looks for in an app: `main.go or go.mod`.
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

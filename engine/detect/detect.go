// Package detect finds the provider for an app. It reads the providers' rules, which are data: no CUE is
// evaluated, and one app costs a few looks at its directory.
package detect

import (
	"strings"

	"github.com/nixpacks-cue/nixpacks/engine/app"
	"github.com/nixpacks-cue/nixpacks/engine/catalog"
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
	if len(r.Ask.In) > 0 { // a search in files
		return strings.Join(r.Ask.In, " or ")
	}
	return strings.Join(r.Ask.Args, " or ")
}

package catalog

import (
	"slices"
	"strings"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/literal"
)

// Setting is the prefix of variables that configure this program.
const Setting = "NIXPACKS_"

// Variables returns the NIXPACKS_ variables that the provider's facts name literally, sorted.
func (p *Provider) Variables() []string { return p.variables }

// variables returns the names in the facts of kind env.
func (s *syntax) variables() []string {
	var found []string
	add := func(x ast.Expr) {
		if lit, ok := x.(*ast.BasicLit); ok {
			if name, err := literal.Unquote(lit.Value); err == nil && strings.HasPrefix(name, Setting) {
				found = append(found, name)
			}
		}
	}
	for _, d := range s.top["facts"] {
		ast.Walk(d.Value, func(n ast.Node) bool {
			f, ok := n.(*ast.Field)
			if !ok {
				return true
			}
			if name, _, err := ast.LabelName(f.Label); err == nil && name == "env" {
				add(f.Value)
				if list, ok := f.Value.(*ast.ListLit); ok {
					for _, x := range list.Elts {
						add(x)
					}
				}
			}
			return true
		}, nil)
	}
	slices.Sort(found)
	return slices.Compact(found)
}

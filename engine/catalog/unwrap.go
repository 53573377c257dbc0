package catalog

import (
	"bytes"
	"errors"
	"slices"
	"strconv"
	"strings"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/parser"
	"cuelang.org/go/cue/token"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// The definition that a provider meets, which it may say itself.
const providerDefinition = "#Provider"

// parsed is one file.
type parsed struct {
	file   *ast.File
	schema bool // it imports that
	// inside are the names at the top of what stands in `schema.#Provider & {…}`, and outside those beside it.
	inside, outside []string
	// open are the names that the file takes from others.
	open []*ast.Ident
}

// parseFile parses one file. What it says in `schema.#Provider & {…}` is taken for what it says at its top, and schema.#Provider alone for
// nothing: every provider is held to that, once it is evaluated. Blanks stand for what is left out, so that places stay.
func parseFile(src Source, mode []parser.Option) (parsed, error) {
	f, err := parser.ParseFile(src.Name, src.Data, mode...)
	if err != nil {
		return parsed{}, SyntaxFault(err, "not CUE")
	}
	out := parsed{file: f, outside: topNames(f.Decls)}
	name := schemaName(f)
	if out.schema = name != ""; !out.schema {
		return out, nil
	}
	text := bytes.Clone(src.Data)
	for _, d := range f.Decls {
		e, ok := d.(*ast.EmbedDecl)
		if !ok {
			continue
		}
		inner, ok := inProvider(e.Expr, name)
		if !ok {
			continue
		}
		if inner == nil {
			blank(text, e.Pos(), e.End())
			continue
		}
		blank(text, e.Pos(), inner.Lbrace.Add(1))
		blank(text, inner.Rbrace, e.End())
		out.inside = append(out.inside, topNames(inner.Elts)...)
	}
	if bytes.Equal(text, src.Data) {
		return out, nil
	}
	out.open = slices.Clone(f.Unresolved)
	if out.file, err = parser.ParseFile(src.Name, text, mode...); err != nil {
		return parsed{}, SyntaxFault(err, "not CUE")
	}
	dropUnused(out.file, name)
	return out, nil
}

// schemaName is what a file calls the schema; "" where it does not import it.
func schemaName(f *ast.File) string {
	for spec := range f.ImportSpecs() {
		if path, err := strconv.Unquote(spec.Path.Value); err == nil && isSchema(path) {
			return localName(spec)
		}
	}
	return ""
}

// definition is the definition of a package, both by name, that an expression stands for; "" for any other expression.
func definition(x ast.Expr) (pkg, name string) {
	s, ok := x.(*ast.SelectorExpr)
	if !ok {
		return "", ""
	}
	from, ok := s.X.(*ast.Ident)
	what, _, err := ast.LabelName(s.Sel)
	if !ok || err != nil || !strings.HasPrefix(what, "#") {
		return "", ""
	}
	return from.Name, what
}

// beside is what stands beside a definition of a package, as in schema.#Plan & {…}, and which that is; nil for any other expression.
func beside(x ast.Expr) (rest ast.Expr, pkg, name string) {
	b, ok := x.(*ast.BinaryExpr)
	if !ok || b.Op != token.AND {
		return nil, "", ""
	}
	if pkg, name = definition(b.X); name != "" {
		return b.Y, pkg, name
	}
	if pkg, name = definition(b.Y); name != "" {
		return b.X, pkg, name
	}
	return nil, "", ""
}

// inProvider tells whether an expression is #Provider of the schema, or that and a struct, which it gives.
func inProvider(x ast.Expr, schema string) (*ast.StructLit, bool) {
	if pkg, name := definition(x); pkg == schema && name == providerDefinition {
		return nil, true
	}
	rest, pkg, name := beside(x)
	inner, ok := rest.(*ast.StructLit)
	return inner, ok && pkg == schema && name == providerDefinition
}

// blank writes blanks over a part of a text, but for the ends of its lines.
func blank(text []byte, from, to token.Pos) {
	for i := from.Offset(); i < min(to.Offset(), len(text)); i++ {
		if text[i] != '\n' && text[i] != '\r' {
			text[i] = ' '
		}
	}
}

// dropUnused takes an import out of a file that does not use it any more, which CUE would refuse.
func dropUnused(f *ast.File, name string) {
	used := false
	for _, d := range f.Decls {
		if _, ok := d.(*ast.ImportDecl); !ok {
			names(d, func(id *ast.Ident) bool {
				used = used || id.Name == name
				return !used
			})
		}
	}
	if used {
		return
	}
	f.Decls = slices.DeleteFunc(f.Decls, func(d ast.Decl) bool {
		all, ok := d.(*ast.ImportDecl)
		if !ok {
			return false
		}
		all.Specs = slices.DeleteFunc(all.Specs, func(spec *ast.ImportSpec) bool { return localName(spec) == name })
		return len(all.Specs) == 0
	})
}

// topNames are the names of fields.
func topNames(decls []ast.Decl) (out []string) {
	for _, d := range decls {
		if f, ok := d.(*ast.Field); ok {
			if name, _, err := ast.LabelName(f.Label); err == nil {
				out = append(out, name)
			}
		}
	}
	return out
}

// checkScopes refuses names that stand in `schema.#Provider & {…}` and are used outside of it, where CUE does not see them.
func checkScopes(all []parsed) error {
	var inside, outside []string
	for _, p := range all {
		inside, outside = append(inside, p.inside...), append(outside, p.outside...)
	}
	var faults []error
	for _, p := range all {
		if len(inside) == 0 {
			break
		}
		open := p.open
		if open == nil {
			open = p.file.Unresolved
		}
		for _, id := range open {
			if slices.Contains(inside, id.Name) && !slices.Contains(outside, id.Name) {
				faults = append(faults, fault.New(fault.Refused, "%s is inside of schema.%s & {…}, and cannot be used outside of it", id.Name, providerDefinition).
					WithPos(position(id)).WithHint("write all of the provider into it, or schema.%s on a line of its own and the fields below it", providerDefinition))
			}
		}
	}
	return errors.Join(faults...)
}

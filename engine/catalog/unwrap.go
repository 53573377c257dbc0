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

// providerDefinition is the definition that every provider must satisfy. A provider may refer to it itself.
const providerDefinition = "#Provider"

// parsed is one parsed file.
type parsed struct {
	file   *ast.File
	schema bool // the file imports the schema
	// inside are the top-level names in `schema.#Provider & {…}`, outside those next to it.
	inside, outside []string
	// open are the identifiers that the file resolves in other files.
	open []*ast.Ident
}

// parseFile parses one file. The contents of `schema.#Provider & {…}` are treated as top-level declarations, and a lone
// schema.#Provider is dropped: every provider is checked against it after evaluation. Dropped text becomes blanks to keep
// positions.
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

// schemaName returns the local name of the schema in a file, or "" if the file does not import it.
func schemaName(f *ast.File) string {
	for spec := range f.ImportSpecs() {
		if path, err := strconv.Unquote(spec.Path.Value); err == nil && isSchema(path) {
			return localName(spec)
		}
	}
	return ""
}

// definition returns the package and name of the definition that an expression selects, or "" for any other expression.
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

// beside returns the other operand of a conjunction with a definition, as in schema.#Plan & {…}, and the definition's name.
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

// inProvider reports whether an expression is the schema's #Provider, alone or in conjunction with a struct, which it returns.
func inProvider(x ast.Expr, schema string) (*ast.StructLit, bool) {
	if pkg, name := definition(x); pkg == schema && name == providerDefinition {
		return nil, true
	}
	rest, pkg, name := beside(x)
	inner, ok := rest.(*ast.StructLit)
	return inner, ok && pkg == schema && name == providerDefinition
}

// blank overwrites a part of a text with blanks, except for line ends.
func blank(text []byte, from, to token.Pos) {
	for i := from.Offset(); i < min(to.Offset(), len(text)); i++ {
		if text[i] != '\n' && text[i] != '\r' {
			text[i] = ' '
		}
	}
}

// dropUnused removes an import that a file no longer uses, because CUE would refuse it.
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

// topNames returns the names of fields.
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

// checkScopes refuses references from outside to names declared in `schema.#Provider & {…}`, because CUE would not resolve them.
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
				faults = append(faults, fault.New(fault.Refused, "%s is declared inside schema.%s & {…} and cannot be used outside it", id.Name, providerDefinition).
					WithPos(position(id)).WithHint("write the whole provider inside it, or schema.%s on its own line with the fields below it", providerDefinition))
			}
		}
	}
	return errors.Join(faults...)
}

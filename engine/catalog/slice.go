package catalog

import (
	"slices"

	"cuelang.org/go/cue/ast"

	"github.com/nixpacks-cue/nixpacks/engine/facts"
)

// slice is the part of a package that determines its facts' questions: the declarations of facts and everything they
// refer to. Evaluating only the slice in every round is several times cheaper than evaluating the plan too.
type slice struct {
	files []*ast.File
	// names are all names that occur in the slice as references or selectors.
	names map[string]bool
	// open is set if the slice may refer to a fact by a computed name.
	open bool
}

// slice extracts what the facts need. Literal facts are kept only if others refer to them, because their questions
// are known.
func (s *syntax) slice(static map[string]facts.Question) *slice {
	out := &slice{names: map[string]bool{}}
	keep := map[*ast.Field]bool{}
	lets := s.lets()
	todo := []string{"facts"}
	for seen := map[string]bool{}; len(todo) > 0; {
		name := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[name] {
			continue
		}
		seen[name] = true
		for _, d := range s.top[name] {
			keep[d] = true
			out.scan(d.Value)
			todo = append(todo, references(d)...)
		}
		for _, let := range lets[name] {
			out.scan(let.Expr)
			todo = append(todo, references(let)...)
		}
	}
	for _, f := range s.files {
		if part := cut(f, keep, func(d *ast.Field) *ast.Field { return out.strip(d, static) }); part != nil {
			out.files = append(out.files, part)
		}
	}
	return out
}

// lets returns the top-level let clauses by name. The scope of each is its file.
func (s *syntax) lets() map[string][]*ast.LetClause {
	out := map[string][]*ast.LetClause{}
	for _, f := range s.files {
		for _, d := range f.Decls {
			if let, ok := d.(*ast.LetClause); ok {
				out[let.Ident.Name] = append(out[let.Ident.Name], let)
			}
		}
	}
	return out
}

// cut returns the file with only the fields to keep, and only the imports and let clauses that they use, because
// CUE refuses unused ones.
func cut(f *ast.File, keep map[*ast.Field]bool, strip func(*ast.Field) *ast.Field) *ast.File {
	out := *f
	out.Decls = nil
	out.Unresolved = slices.Clone(f.Unresolved) // CUE truncates it in place
	var used []string
	found := false
	for _, d := range f.Decls {
		if field, ok := d.(*ast.Field); ok && keep[field] {
			found, used = true, append(used, references(field)...)
		}
	}
	if !found {
		return nil
	}
	// A let clause may use earlier ones.
	for _, d := range slices.Backward(f.Decls) {
		if let, ok := d.(*ast.LetClause); ok && slices.Contains(used, let.Ident.Name) {
			used = append(used, references(let.Expr)...)
		}
	}
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.Field:
			if keep[d] {
				out.Decls = append(out.Decls, strip(d))
			}
		case *ast.LetClause:
			if slices.Contains(used, d.Ident.Name) {
				out.Decls = append(out.Decls, d)
			}
		case *ast.ImportDecl:
			if specs := imports(d, used); len(specs) > 0 {
				out.Decls = append(out.Decls, &ast.ImportDecl{Import: d.Import, Specs: specs})
			}
		default:
			out.Decls = append(out.Decls, d)
		}
	}
	return &out
}

func imports(d *ast.ImportDecl, used []string) []*ast.ImportSpec {
	return slices.DeleteFunc(slices.Clone(d.Specs), func(spec *ast.ImportSpec) bool {
		return !slices.Contains(used, localName(spec))
	})
}

// has reports whether a fact's answer may affect the questions of others.
func (sl *slice) has(name string) bool { return sl.open || sl.names[name] }

// strip returns the declaration of facts without the literal ones that nothing in the slice refers to.
func (sl *slice) strip(d *ast.Field, static map[string]facts.Question) *ast.Field {
	name, _, _ := ast.LabelName(d.Label)
	all, ok := d.Value.(*ast.StructLit)
	if name != "facts" || !ok {
		return d
	}
	less := *all
	less.Elts = nil
	for _, x := range all.Elts {
		if _, name, ok := factField(x); ok && !sl.has(name) {
			if _, ok := static[name]; ok {
				continue
			}
		}
		less.Elts = append(less.Elts, x)
	}
	out := *d
	out.Value = &less
	return &out
}

// scan records the names in an expression. Using facts as a whole, or indexing it with a computed
// name, opens the slice.
func (sl *slice) scan(x ast.Expr) {
	label := map[ast.Node]bool{} // identifiers that are field labels or selectors, not references
	part := map[ast.Node]bool{}  // expressions of which only one named part is used
	ast.Walk(x, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Field:
			label[n.Label] = true
		case *ast.SelectorExpr:
			if name, _, err := ast.LabelName(n.Sel); err == nil {
				sl.names[name] = true
			}
			part[n.X], label[n.Sel] = true, true
		case *ast.IndexExpr:
			if key, ok := plain(n.Index); ok {
				name, _ := key.(string)
				sl.names[name], part[n.X] = true, true
			}
		case *ast.Ident:
			if !label[n] { // may also be a fact, referred to by its sibling without the prefix facts.
				sl.names[n.Name] = true
				sl.open = sl.open || n.Name == "facts" && !part[n]
			}
		}
		return true
	}, nil)
}

// references returns the names that a declaration may refer to. Too many are harmless, except for names of
// imports: facts.x.list does not use package list.
func references(d ast.Node) []string {
	out := []string{}
	names(d, func(n *ast.Ident) bool {
		out = append(out, n.Name)
		return true
	})
	return out
}

// names calls do for every identifier in a node that is not a label or selector, until do returns false.
func names(node ast.Node, do func(*ast.Ident) bool) {
	more := true
	labels := map[ast.Node]bool{}
	ast.Walk(node, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Field:
			labels[n.Label] = true
		case *ast.SelectorExpr:
			labels[n.Sel] = true
		case *ast.Ident:
			if more && !labels[n] {
				more = do(n)
			}
		}
		return more
	}, nil)
}

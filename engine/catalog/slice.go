package catalog

import (
	"slices"

	"cuelang.org/go/cue/ast"

	"github.com/nixpacks-cue/nixpacks/engine/facts"
)

// slice is the part of a package that decides what its facts ask: the declarations of facts and all they
// refer to. Evaluating it alone, round after round, is several times cheaper than evaluating the plan too.
type slice struct {
	files []*ast.File
	// names are all names that occur in it, as references or selectors.
	names map[string]bool
	// open is true where it may refer to a fact by a computed name.
	open bool
}

// slice cuts out what facts need. Of the literal facts only those are kept that others refer to: what
// they ask is known.
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

// lets are the let clauses at the top by name; each holds in its file alone.
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

// cut is the file with only the fields to keep, and of its imports and let clauses only those that they use:
// CUE refuses others.
func cut(f *ast.File, keep map[*ast.Field]bool, strip func(*ast.Field) *ast.Field) *ast.File {
	out := *f
	out.Decls = nil
	out.Unresolved = slices.Clone(f.Unresolved) // CUE shortens it in place
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
	// A let clause may use those before it.
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

// has tells whether a fact's answer may decide what others ask.
func (sl *slice) has(name string) bool { return sl.open || sl.names[name] }

// strip is the declaration of facts without the literal ones that nothing here refers to.
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

// scan notes the names in an expression. The field facts used as a whole, or indexed by something that is
// no literal, opens the slice.
func (sl *slice) scan(x ast.Expr) {
	label := map[ast.Node]bool{} // identifiers that name a field and refer to nothing
	part := map[ast.Node]bool{}  // expressions of which one named part is taken
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
			if !label[n] { // among them facts that are named without facts. in front, by their neighbours
				sl.names[n.Name] = true
				sl.open = sl.open || n.Name == "facts" && !part[n]
			}
		}
		return true
	}, nil)
}

// references are the names that a declaration may refer to. A few too many do no harm, except those of
// imports: facts.x.list does not use package list.
func references(d ast.Node) []string {
	out := []string{}
	names(d, func(n *ast.Ident) bool {
		out = append(out, n.Name)
		return true
	})
	return out
}

// names calls do with every name in a node that may refer to something, no label of a field and no selector, until it says false.
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

package catalog

import (
	"slices"
	"strconv"

	"cuelang.org/go/cue/ast"
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

func (s *syntax) slice(root string) *slice {
	out := &slice{names: map[string]bool{}}
	keep := map[*ast.Field]bool{}
	todo := []string{root}
	for seen := map[string]bool{}; len(todo) > 0; {
		name := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[name] {
			continue
		}
		seen[name] = true
		for _, d := range s.top[name] {
			keep[d] = true
			out.scan(d, root)
			todo = append(todo, references(d)...)
		}
	}
	for _, f := range s.files {
		if part := cut(f, keep); part != nil {
			out.files = append(out.files, part)
		}
	}
	return out
}

// cut is the file with only the fields to keep, and of its imports only those that they use: CUE refuses
// an import that is not used.
func cut(f *ast.File, keep map[*ast.Field]bool) *ast.File {
	out := *f
	out.Decls = nil
	var used []string
	for _, d := range f.Decls {
		if field, ok := d.(*ast.Field); ok && keep[field] {
			used = append(used, references(field)...)
		}
	}
	if len(used) == 0 {
		return nil
	}
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.Field:
			if keep[d] {
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
		name, _ := strconv.Unquote(spec.Path.Value)
		if spec.Name != nil {
			name = spec.Name.Name
		}
		return !slices.Contains(used, name)
	})
}

// scan notes the names in a declaration. The field root itself used as a whole, or indexed by something
// that is no literal, opens the slice.
func (sl *slice) scan(d *ast.Field, root string) {
	plain := map[*ast.Ident]bool{}
	ast.Walk(d.Value, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if name, _, err := ast.LabelName(n.Sel); err == nil {
				sl.names[name] = true
			}
			if id, ok := n.X.(*ast.Ident); ok {
				plain[id] = true
			}
		case *ast.IndexExpr:
			if id, ok := n.X.(*ast.Ident); ok {
				if key, ok := basicString(n.Index); ok {
					sl.names[key], plain[id] = true, true
				}
			}
		case *ast.Ident:
			sl.names[n.Name] = true
			sl.open = sl.open || n.Name == root && !plain[n]
		}
		return true
	}, nil)
}

func basicString(x ast.Expr) (string, bool) {
	lit, ok := x.(*ast.BasicLit)
	if !ok {
		return "", false
	}
	v, ok := basic(lit)
	s, isString := v.(string)
	return s, ok && isString
}

// references are the names that a declaration's value may refer to; labels are among them, which does no harm.
func references(d *ast.Field) []string {
	out := []string{}
	note := func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			out = append(out, id.Name)
		}
		return true
	}
	ast.Walk(d.Label, note, nil)
	ast.Walk(d.Value, note, nil)
	return out
}

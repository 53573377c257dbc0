package catalog

import (
	"slices"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/format"
	"cuelang.org/go/cue/parser"
)

// answer is the truth value of a condition, if known.
type answer int

const (
	unknown answer = iota
	yes
	no
)

// scope evaluates expressions of a provider in place, if they refer only to top-level names.
type scope struct {
	syntax *syntax
	ctx    *cue.Context
	all    cue.Value
	values map[ast.Node]cue.Value
}

// scope evaluates a provider with the answers to its facts. Packages lose their name: cue.Scope finds hidden names only then.
func (e *evaluator) scope(s *syntax) (*scope, error) {
	files := append(slices.Clone(s.files), answersFile("", e.env.Packages, e.answers))
	for i, f := range files {
		nameless := *f
		nameless.Decls = slices.DeleteFunc(slices.Clone(f.Decls), func(d ast.Decl) bool { _, ok := d.(*ast.Package); return ok })
		files[i] = &nameless
	}
	v, err := BuildFiles(e.ctx, files)
	if err != nil {
		return nil, e.fault(err)
	}
	return &scope{s, e.ctx, v, map[ast.Node]cue.Value{}}, nil
}

// truth evaluates a condition.
func (s *scope) truth(x ast.Expr) answer {
	v := s.value(x)
	if !v.Exists() {
		return unknown
	}
	switch b, err := v.Bool(); {
	case err != nil:
		return unknown
	case b:
		return yes
	}
	return no
}

// value evaluates an expression. The result does not exist if the expression refers to a name that is local to an enclosing
// expression.
func (s *scope) value(x ast.Expr) cue.Value {
	key := ast.Node(x)
	if l, ok := x.(*ast.ListLit); ok && len(l.Elts) == 1 {
		key = l.Elts[0]
	}
	if v, ok := s.values[key]; ok {
		return v
	}
	var v cue.Value
	if !s.local(x) {
		if text, err := format.Node(x); err == nil {
			if y, err := parser.ParseExpr("", text); err == nil { // parsed again, because names in x are already resolved
				v = s.ctx.BuildExpr(y, cue.Scope(s.all), cue.InferBuiltins(true))
			}
		}
	}
	s.values[key] = v
	return v
}

// local reports whether an expression uses a local name that shadows a top-level one.
func (s *scope) local(x ast.Expr) bool {
	found := false
	names(x, func(n *ast.Ident) bool {
		_, top := s.syntax.top[n.Name]
		found = top && !s.atTop(n)
		return !found
	})
	return found
}

// label returns the name of a field and whether it is computed. known is false if the name cannot be determined.
func (s *scope) label(l ast.Label) (name string, computed, known bool) {
	var x ast.Expr
	switch l := l.(type) {
	case *ast.ParenExpr:
		x = l.X
	case *ast.Interpolation:
		x = l
	case *ast.ListLit: // pattern constraint
		return "", true, false
	default:
		name, _, err := ast.LabelName(l)
		return name, false, err == nil
	}
	if v := s.value(x); v.Exists() {
		name, err := v.String()
		return name, true, err == nil
	}
	return "", true, false
}

// holds reports whether all conditions of clauses hold. A loop makes the result unknown.
func (s *scope) holds(list []ast.Clause) answer {
	out := yes
	for _, c := range list {
		cond, ok := c.(*ast.IfClause)
		if !ok {
			out = unknown
			continue
		}
		switch s.truth(cond.Condition) {
		case no:
			return no
		case unknown:
			out = unknown
		}
	}
	return out
}

// count returns how many elements a list expression contributes. It reports false if that is unknown.
func (s *scope) count(x ast.Expr) (int, bool) {
	c, ok := x.(*ast.Comprehension)
	if !ok {
		return 1, true
	}
	if s.holds(c.Clauses) == no {
		return 0, true
	}
	v := s.value(&ast.ListLit{Elts: []ast.Expr{c}})
	if !v.Exists() || v.IncompleteKind() != cue.ListKind {
		return 0, false
	}
	n, err := v.Len().Int64()
	return int(n), err == nil
}

// atTop reports whether an identifier refers to a top-level name of the package.
func (s *scope) atTop(id *ast.Ident) bool {
	d, ok := s.syntax.top[id.Name]
	if id.Name == "packages" || id.Name == "facts" { // the engine declares them too
		return true
	}
	return ok && (id.Node == nil || slices.ContainsFunc(d, func(f *ast.Field) bool { return ast.Node(f) == id.Node || ast.Node(f.Value) == id.Node }))
}

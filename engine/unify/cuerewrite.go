package unify

import (
	"strconv"
	"strings"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/literal"
	"cuelang.org/go/cue/token"

	"github.com/nixpacks-cue/nixpacks/engine/catalog"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// rewriter replaces what CUE cannot express. "..." in a list at a fixed path becomes the elements of #base at that
// path. A null field, which would conflict with its type, becomes a hidden field with a
// number. That also works inside conditions and loops, and the evaluated value shows what to delete.
type rewriter struct {
	s    *cueSyntax
	base *plan.Plan
}

const nullPrefix = "_nixpacks_null_"

func (r *rewriter) decls(decls []ast.Decl, path []string) {
	for _, d := range decls {
		switch d := d.(type) {
		case *ast.Field:
			r.field(d, path)
		case *ast.EmbedDecl:
			r.expr(d.Expr, path)
		case *ast.Comprehension:
			r.expr(d, path)
		}
	}
}

func (r *rewriter) field(f *ast.Field, path []string) {
	name, ok := fixedName(f.Label)
	if !ok {
		return
	}
	path = append(path[:len(path):len(path)], name)
	if lit, ok := f.Value.(*ast.BasicLit); ok && lit.Kind == token.NULL && deletable(path) {
		id := ast.NewIdent(nullPrefix + strconv.Itoa(len(r.s.nulls)))
		id.NamePos = f.Label.Pos()
		r.s.nulls = append(r.s.nulls, nullField{name, catalog.Pos(f.Label.Pos())})
		f.Label, f.Value = id, ast.NewBool(true)
		return
	}
	r.expr(f.Value, path)
}

// fixedName returns the name of a regular field whose name is not computed.
func fixedName(l ast.Label) (string, bool) {
	name, isIdent, err := ast.LabelName(l)
	if err != nil || isIdent && strings.HasPrefix(strings.TrimLeft(name, "_"), "#") || isIdent && strings.HasPrefix(name, "_") {
		return "", false
	}
	return name, true
}

// deletable reports whether null is allowed at path: for a phase, a variable, a static asset, a hash, start, or a field
// of a phase or of start.
func deletable(path []string) bool {
	if _, ok := plan.ShapeAt(path...); !ok {
		return false
	}
	switch path[0] {
	case "phases":
		return len(path) == 2 || len(path) == 3
	case "variables", "staticAssets", "nixHashes", "aptHashes":
		return len(path) == 2
	}
	return path[0] == "start"
}

func (r *rewriter) expr(x ast.Expr, path []string) {
	switch x := x.(type) {
	case *ast.StructLit:
		r.decls(x.Elts, path)
	case *ast.ListLit:
		r.list(x, path)
	case *ast.ParenExpr:
		r.expr(x.X, path)
	case *ast.UnaryExpr: // a default, *x
		r.expr(x.X, path)
	case *ast.BinaryExpr:
		if x.Op == token.AND || x.Op == token.OR {
			r.expr(x.X, path)
			r.expr(x.Y, path)
		}
	case *ast.Comprehension:
		r.expr(x.Value, path)
	}
}

func (r *rewriter) list(l *ast.ListLit, path []string) {
	if shape, ok := plan.ShapeAt(path...); !ok || shape.Kind != plan.List || r.base == nil {
		return
	}
	below, _ := r.base.Get(path...).([]string)
	var out []ast.Expr
	for _, x := range l.Elts {
		if s, ok := stringOf(x); !ok || !plan.Marker(s) {
			out = append(out, x)
			continue
		}
		r.s.marked[catalog.Pos(x.Pos())] = true
		for _, s := range below {
			out = append(out, &ast.BasicLit{ValuePos: x.Pos(), Kind: token.STRING, Value: literal.String.Quote(s)})
		}
	}
	l.Elts = out
}

package unify

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"cuelang.org/go/cue/ast"
	cueerrors "cuelang.org/go/cue/errors"
	"cuelang.org/go/cue/literal"

	"github.com/nixpacks-cue/nixpacks/engine/catalog"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// undefined returns the fault for a reference to a field that does not exist.
func (r *rephraser) undefined(err cueerrors.Error, name string) *fault.Fault {
	if u, err := literal.Unquote(name); err == nil {
		name = u
	}
	f := r.fault(err, "there is no field %q here", name)
	if len(f.At) == 0 {
		return f
	}
	x := r.selected(f.At[0])
	if x == nil {
		return f
	}
	if path, ok := pathFrom(x, isBase); ok {
		f.Msg = fmt.Sprintf("%s has no %q", strings.TrimSuffix(baseName(path), "."), name)
		f.Hint = askFirst(baseName(append(path, name)))
		return r.suggest(f, name, r.namesIn(path))
	}
	if path, ok := pathFrom(x, nil); ok {
		f.Msg = fmt.Sprintf("%s has no %q", plan.Path(path...), name)
		f.Hint = askFirst(plan.Path(append(path, name)...))
	}
	return f
}

func askFirst(path string) string {
	return "if it is optional, check first: if " + path + " != _|_ {…}"
}

// selected returns X of the expression X.name or X["name"] whose name is at the position, or nil.
func (r *rephraser) selected(at fault.Pos) (left ast.Expr) {
	ast.Walk(r.e.file, func(n ast.Node) bool {
		if x, ok := n.(ast.Expr); ok && left == nil {
			if l, name := selection(x); name != nil && catalog.Pos(name.Pos()) == at {
				left = l
			}
		}
		return left == nil
	}, nil)
	return left
}

// selection splits X.name and X["name"] into X and the name.
func selection(x ast.Expr) (ast.Expr, ast.Node) {
	switch x := x.(type) {
	case *ast.SelectorExpr:
		return x.X, x.Sel
	case *ast.IndexExpr:
		return x.X, x.Index
	}
	return nil, nil
}

func isBase(name string) bool { return name == "#base" }

// pathFrom returns the path that an expression such as a.b["c"] selects. If root is set, the first name must satisfy
// root and is left out.
func pathFrom(x ast.Expr, root func(string) bool) ([]string, bool) {
	if id, ok := x.(*ast.Ident); ok {
		if root != nil {
			return nil, root(id.Name)
		}
		return []string{id.Name}, true
	}
	left, sel := selection(x)
	if sel == nil {
		return nil, false
	}
	path, ok := pathFrom(left, root)
	var name string
	switch s := sel.(type) {
	case *ast.BasicLit:
		name, _ = strconv.Unquote(s.Value)
	case ast.Label:
		name, _, _ = ast.LabelName(s)
	}
	return append(path, name), ok && name != ""
}

// namesIn returns the known names at path in the layers below.
func (r *rephraser) namesIn(path []string) []string {
	if len(path) == 1 && path[0] == "phases" {
		return slices.Collect(maps.Keys(r.base.Phases))
	}
	if len(path) == 1 && path[0] == "variables" {
		return slices.Collect(maps.Keys(r.base.Variables))
	}
	shape, _ := plan.ShapeAt(path...)
	return shape.Names
}

package catalog

import (
	"strconv"
	"strings"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/token"
)

// rests returns the facts that a value of the provider depends on, in the order in which its syntax leads to them. It starts
// at a top-level name and descends along the path. When in doubt a fact counts as a dependency, so there may be too
// many. Branches whose conditions are known to be false are left out.
func (e *evaluator) rests(name string, path ...string) ([]Basis, error) {
	t, err := e.tracing()
	if err != nil {
		return nil, err
	}
	t.uses, t.seen, t.walked = nil, map[string]bool{}, map[ast.Node]bool{}
	t.visit(name, path)
	return e.bases(t.uses)
}

// tracer follows the references in a provider's syntax.
type tracer struct {
	*scope
	asked  func(fact string) bool
	uses   []use
	seen   map[string]bool // by visited path, whether something exists there
	walked map[ast.Node]bool
}

// use is the part of a fact that an expression refers to, such as value, engines, node.
type use struct {
	fact string
	path []string
}

// tracing parses the provider again, for a syntax tree of its own.
func (e *evaluator) tracing() (*tracer, error) {
	if e.traced == nil {
		s, err := e.provider.parse()
		if err != nil {
			return nil, err
		}
		sc, err := e.scope(s)
		if err != nil {
			return nil, err
		}
		e.traced = &tracer{scope: sc, asked: func(fact string) bool { _, ok := e.asked[fact]; return ok }}
	}
	return e.traced, nil
}

// visit follows the declarations of a top-level name along a path, and reports whether something exists there.
func (t *tracer) visit(name string, path []string) bool {
	key := strings.Join(append([]string{name}, path...), "\x00")
	if found, ok := t.seen[key]; ok {
		return found
	}
	t.seen[key] = true // breaks cycles
	switch {
	case name == "packages":
		t.uses = append(t.uses, use{fact: name})
		return true
	case name == "facts" && len(path) > 0 && t.asked(path[0]):
		t.uses = append(t.uses, use{path[0], path[1:]})
		path = path[:1] // continue with the facts that its question depends on
	}
	found := false
	for _, d := range t.syntax.top[name] {
		found = t.down(d.Value, path) || found
	}
	t.seen[key] = found
	return found
}

// down follows a path into an expression, and reports whether something exists there.
func (t *tracer) down(x ast.Expr, path []string) bool {
	if len(path) == 0 {
		t.whole(x)
		return true
	}
	switch x := x.(type) {
	case *ast.StructLit:
		found := false
		for _, d := range x.Elts {
			found = t.declaration(d, path) || found
		}
		return found
	case *ast.ParenExpr:
		return t.down(x.X, path)
	case *ast.UnaryExpr:
		return t.down(x.X, path)
	case *ast.BinaryExpr:
		t.given(x)
		left := t.down(x.X, path)
		return t.down(x.Y, path) || left
	case *ast.ListLit:
		return t.element(x, path[0], path[1:])
	case *ast.Ident, *ast.SelectorExpr, *ast.IndexExpr:
		return t.chain(x, path)
	case *ast.BasicLit, *ast.Interpolation:
		return false
	}
	t.whole(x)
	return true
}

// declaration follows a path into one declaration of a struct.
func (t *tracer) declaration(d ast.Decl, path []string) bool {
	switch d := d.(type) {
	case *ast.Field:
		name, computed, known := t.label(d.Label)
		if known && name != path[0] {
			return false
		}
		if computed {
			t.whole(d.Label)
		}
		return t.down(d.Value, path[1:])
	case *ast.EmbedDecl:
		return t.down(d.Expr, path)
	case *ast.Comprehension:
		if t.holds(d.Clauses) == no || !t.down(d.Value, path) {
			return false
		}
		t.clauses(d.Clauses)
		return true
	}
	return false
}

// given follows the definitions that one side of x passes to the other, such as #text in (_word & {#text: "…"}).out.
func (t *tracer) given(x *ast.BinaryExpr) {
	for _, side := range []ast.Expr{x.X, x.Y} {
		s, ok := side.(*ast.StructLit)
		if !ok {
			continue
		}
		for _, d := range s.Elts {
			if f, ok := d.(*ast.Field); ok {
				if name, _, err := ast.LabelName(f.Label); err == nil && strings.HasPrefix(strings.TrimPrefix(name, "_"), "#") {
					t.whole(f.Value)
				}
			}
		}
	}
}

// element follows a path into the list element at an index. Conditions of the elements before it also matter.
func (t *tracer) element(list *ast.ListLit, index string, path []string) bool {
	want, err := strconv.Atoi(index)
	known := err == nil
	found := false
	for _, x := range list.Elts {
		n, sure := t.count(x)
		known = known && sure
		c, conditional := x.(*ast.Comprehension)
		if conditional {
			t.clauses(c.Clauses)
		}
		switch {
		case known && n <= want:
			want -= n
			continue
		case sure && n == 0:
			continue
		}
		if conditional {
			x = c.Value
		}
		found = t.down(x, path) || found
		if known {
			break
		}
	}
	return found
}

// chain follows a reference with its selectors and indices, then path.
func (t *tracer) chain(x ast.Expr, path []string) bool {
	for {
		switch y := x.(type) {
		case *ast.SelectorExpr:
			name, _, err := ast.LabelName(y.Sel)
			if err != nil {
				path = nil
			} else {
				path = append([]string{name}, path...)
			}
			x = y.X
			continue
		case *ast.IndexExpr:
			key, ok := plain(y.Index)
			switch k := key.(type) {
			case int:
				path = append([]string{strconv.Itoa(k)}, path...)
			case string:
				path = append([]string{k}, path...)
			}
			if !ok {
				t.whole(y.Index)
				path = nil
			}
			x = y.X
			continue
		case *ast.Ident:
			return t.name(y, path)
		}
		return t.down(x, path)
	}
}

// name follows an identifier to its declaration: a top-level name, or a local name in an expression.
func (t *tracer) name(id *ast.Ident, path []string) bool {
	if t.atTop(id) {
		return t.visit(id.Name, path)
	}
	if t.walked[id] {
		return true
	}
	t.walked[id] = true
	switch n := id.Node.(type) {
	case *ast.LetClause:
		return t.down(n.Expr, path)
	case *ast.Field:
		return t.down(n.Value, path)
	case ast.Expr:
		if _, loops := n.(*ast.Ident); !loops { // the source of a loop is followed at the loop
			return t.down(n, path)
		}
	}
	return true
}

// whole follows everything that an expression refers to.
func (t *tracer) whole(x ast.Node) {
	ast.Walk(x, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Field:
			if _, _, err := ast.LabelName(n.Label); err != nil {
				t.whole(n.Label)
			}
			t.whole(n.Value)
			return false
		case *ast.Comprehension:
			t.clauses(n.Clauses)
			if t.holds(n.Clauses) != no {
				t.whole(n.Value)
			}
			return false
		case *ast.BinaryExpr:
			return !t.decided(n)
		case *ast.Ident, *ast.SelectorExpr, *ast.IndexExpr:
			t.chain(n.(ast.Expr), nil)
			return false
		}
		return true
	}, nil)
}

// decided follows only the side of a logical expression that decides it, and reports whether one side does.
func (t *tracer) decided(x *ast.BinaryExpr) bool {
	decides := no
	switch x.Op {
	case token.LOR:
		decides = yes
	case token.LAND:
	default:
		return false
	}
	for _, side := range []ast.Expr{x.X, x.Y} {
		if t.truth(side) == decides {
			t.whole(side)
			return true
		}
	}
	return false
}

// clauses follows the clauses of a comprehension, up to the first condition that is false.
func (t *tracer) clauses(list []ast.Clause) {
	for i, c := range list {
		switch c := c.(type) {
		case *ast.IfClause:
			t.whole(c.Condition)
		case *ast.ForClause:
			t.whole(c.Source)
		}
		if t.holds(list[i:i+1]) == no {
			return
		}
	}
}

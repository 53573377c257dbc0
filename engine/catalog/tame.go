package catalog

import (
	"cmp"
	"errors"
	"slices"
	"strconv"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/token"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

const (
	// MaxSource is the maximum size in bytes of an untrusted CUE file, MaxNesting the maximum depth of its syntax tree.
	MaxSource  = 256 << 10
	MaxNesting = 500
)

// reaching are the attributes by which CUE reads input from outside its files.
var reaching = []string{"if", "tag", "extern", "embed", "experiment", "ignore"}

// Names that the rewritten arguments bind. Files must not use them.
const (
	ourValue   = "nixpacks_value"
	ourElement = "nixpacks_element"
)

// Tame restricts untrusted CUE to what a budget can supervise. It refuses attributes that read outside the file, trees too
// deep to walk, and functions that can exhaust memory in a single step. Useful ones among these functions are kept with
// bounds added to their arguments, which modifies the tree. name names the CUE in messages, instead is a hint about attributes.
func Tame(f *ast.File, name, instead string) error {
	t := &tamer{name: name, instead: instead, imports: map[string]string{}, known: map[ast.Node]bool{}}
	depth, deepest := 0, 0
	ast.Walk(f, func(n ast.Node) bool {
		depth++
		deepest = max(deepest, depth)
		return deepest <= MaxNesting
	}, func(ast.Node) { depth-- })
	if deepest > MaxNesting {
		return fault.New(fault.Refused, "%s is nested too deeply", name).WithPos(fault.Pos{File: f.Filename})
	}
	for spec := range f.ImportSpecs() {
		if p, err := strconv.Unquote(spec.Path.Value); err == nil {
			t.imports[localName(spec)] = p
		}
	}
	ast.Walk(f, t.look, nil)
	for _, change := range t.changes {
		change()
	}
	return errors.Join(t.faults...)
}

// tamer checks one file.
type tamer struct {
	name, instead string
	imports       map[string]string // import path by local name
	known         map[ast.Node]bool // identifiers that need no further check
	changes       []func()          // edits of the tree, applied after the walk
	faults        []error
}

func (t *tamer) refuse(n ast.Node, format string, args ...any) *fault.Fault {
	f := fault.New(fault.Refused, format, args...).WithPos(position(n))
	t.faults = append(t.faults, f)
	return f
}

func (t *tamer) look(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.Attribute:
		if key, _ := n.Split(); slices.Contains(reaching, key) {
			t.refuse(n, "@%s is not supported: %s must not depend on its environment", key, t.name).
				WithHint("%s", t.instead)
		}
	case *ast.ImportDecl:
		return false
	case *ast.Field:
		t.label(n.Label)
	case *ast.CallExpr:
		t.call(n)
	case *ast.BinaryExpr:
		if n.Op == token.MUL {
			if isText(n.X) || isText(n.Y) {
				t.refuse(n, "strings cannot be multiplied in %s", t.name)
			}
			t.changes = append(t.changes, func() { n.X, n.Y = numeric(n.X), numeric(n.Y) })
		}
	case *ast.SelectorExpr:
		t.selector(n)
	case *ast.Ident:
		t.ident(n)
	}
	return true
}

// label marks a field's name as checked, because it refers to nothing.
func (t *tamer) label(l ast.Label) {
	if id, ok := l.(*ast.Ident); ok && id.Name != ourValue && id.Name != ourElement {
		t.known[id] = true
	}
}

// function returns the package path and name of the function that x refers to, or "" for anything else.
func (t *tamer) function(x ast.Expr) string {
	sel, ok := x.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	id, isIdent := sel.X.(*ast.Ident)
	name, _, err := ast.LabelName(sel.Sel)
	if !isIdent || err != nil || t.imports[id.Name] == "" {
		return ""
	}
	return t.imports[id.Name] + "." + name
}

// bounds maps functions to rewrites of their arguments, by argument index. Unbounded arguments would multiply in size.
var bounds = map[string]map[int]func(ast.Expr) ast.Expr{
	"strings.Join": {
		0: func(x ast.Expr) ast.Expr {
			return &ast.ListLit{Elts: []ast.Expr{each(ourElement, atMost(x, 1<<14), atMost(ast.NewIdent(ourElement), 1<<14))}}
		},
		1: func(x ast.Expr) ast.Expr { return atMost(x, 1<<14) },
	},
	"strings.Replace": {
		0: func(x ast.Expr) ast.Expr { return atMost(x, MaxSource) },
		2: func(x ast.Expr) ast.Expr { return atMost(x, 1<<10) },
	},
	"strconv.FormatFloat": {
		2: func(x ast.Expr) ast.Expr { return and(x, &ast.UnaryExpr{Op: token.LEQ, X: number("1000")}) },
	},
}

// endless are functions that can allocate any amount of memory in one step and that no plan needs.
var endless = []string{"strings.Repeat", "list.Repeat"}

func (t *tamer) call(c *ast.CallExpr) {
	limits, ok := bounds[t.function(c.Fun)]
	if !ok {
		return
	}
	t.known[c.Fun] = true
	t.changes = append(t.changes, func() {
		for i, limit := range limits {
			if i < len(c.Args) {
				c.Args[i] = limit(c.Args[i])
			}
		}
	})
}

func (t *tamer) selector(s *ast.SelectorExpr) {
	if id, ok := s.Sel.(*ast.Ident); ok {
		t.known[id] = true
	}
	name := t.function(s)
	if name == "" {
		return
	}
	t.known[s.X] = true
	switch _, bounded := bounds[name]; {
	case slices.Contains(endless, name):
		t.refuse(s, "%s cannot be used in %s", name, t.name).WithHint("use a comprehension: [for x in [1, 2, 3] {…}]")
	case bounded && !t.known[s]:
		t.refuse(s, "%s can only be called, not used as a value, in %s", name, t.name)
	}
}

// ident refuses a package used as a value, because uses of its functions could not be checked.
func (t *tamer) ident(id *ast.Ident) {
	if t.known[id] {
		return
	}
	switch {
	case t.imports[id.Name] != "":
		t.refuse(id, "package %s is not a value: select a member, as in %s.%s", id.Name, id.Name, cmp.Or(example[t.imports[id.Name]], "Name"))
	case id.Name == ourValue || id.Name == ourElement:
		t.refuse(id, "%s cannot be used in %s: the name is reserved", id.Name, t.name)
	}
}

var example = map[string]string{"strings": "Split", "list": "Contains", "regexp": "Find", "strconv": "Atoi"}

func isText(x ast.Expr) bool {
	lit, ok := x.(*ast.BasicLit)
	return ok && lit.Kind == token.STRING
}

// numeric constrains x to a number, because multiplying a string repeats it.
func numeric(x ast.Expr) ast.Expr {
	if _, ok := x.(*ast.BasicLit); ok {
		return x
	}
	return and(x, ast.NewIdent("__number"))
}

func and(x, y ast.Expr) ast.Expr {
	return &ast.ParenExpr{X: &ast.BinaryExpr{Op: token.AND, X: &ast.ParenExpr{X: x}, Y: y}}
}

// atMost returns x, or an error if x is longer than n. A validator (x & strings.MaxRunes(n)) would act too late: CUE calls
// functions before it validates their arguments.
func atMost(x ast.Expr, n int) ast.Expr {
	var long ast.Expr = ast.NewCall(ast.NewIdent("__len"), ast.NewIdent(ourValue))
	// A value without a length is left to the function to refuse.
	long = ast.NewBinExpr(token.OR, &ast.UnaryExpr{Op: token.MUL, X: long}, number("0"))
	short := ast.NewBinExpr(token.LEQ, &ast.ParenExpr{X: long}, number(strconv.Itoa(n)))
	c := each(ourValue, &ast.ListLit{Elts: []ast.Expr{x}}, ast.NewIdent(ourValue))
	c.Clauses = append(c.Clauses, &ast.IfClause{Condition: short})
	first := &ast.BasicLit{ValuePos: x.Pos(), Kind: token.INT, Value: "0"}
	return &ast.IndexExpr{X: &ast.ListLit{Lbrack: x.Pos(), Elts: []ast.Expr{c}}, Lbrack: x.Pos(), Index: first}
}

// each returns the comprehension: for name in from {value}.
func each(name string, from, value ast.Expr) *ast.Comprehension {
	return &ast.Comprehension{
		Clauses: []ast.Clause{&ast.ForClause{Value: ast.NewIdent(name), Source: from}},
		Value:   &ast.StructLit{Elts: []ast.Decl{&ast.EmbedDecl{Expr: value}}},
	}
}

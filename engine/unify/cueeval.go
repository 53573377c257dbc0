package unify

import (
	"maps"
	"slices"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/parser"
	"cuelang.org/go/cue/token"

	"github.com/nixpacks-cue/nixpacks/engine/catalog"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
	"github.com/nixpacks-cue/nixpacks/schema"
)

// schemaFile is the file name in positions in the schema.
const schemaFile = "schema/plan.cue"

// evaluated is an evaluated nixpacks.cue.
type evaluated struct {
	*cueSyntax
	ctx  *cue.Context
	own  cue.Value // the file alone
	full cue.Value // #Plan & {file}
}

// evalCUE evaluates a file with #Plan and #base in scope. If base is nil, #base is open.
func evalCUE(c *config, base *plan.Plan) (*evaluated, error) {
	s, err := parseCUE(c, base)
	if err != nil {
		return nil, err
	}
	ctx := catalog.NewContext()
	scope, err := scopeOf(ctx, base)
	if err != nil {
		return nil, err
	}
	own := ctx.BuildFile(s.file, cue.Scope(scope))
	return &evaluated{cueSyntax: s, ctx: ctx, own: own, full: scope.LookupPath(cue.ParsePath("#Plan")).Unify(own)}, nil
}

// scopeOf returns the value in which names that the user's file does not declare are resolved.
func scopeOf(ctx *cue.Context, base *plan.Plan) (cue.Value, error) {
	scope := &ast.File{Filename: schemaFile}
	for _, name := range []string{"plan.cue", "config.cue"} {
		text, err := schema.FS.ReadFile(name)
		if err != nil {
			return cue.Value{}, fault.Wrap(fault.Bug, err, "the schema is missing")
		}
		f, err := parser.ParseFile("schema/"+name, text)
		if err != nil {
			return cue.Value{}, fault.Wrap(fault.Bug, err, "the schema does not parse")
		}
		for _, d := range f.Decls {
			if _, ok := d.(*ast.Package); !ok {
				scope.Decls = append(scope.Decls, d)
			}
		}
	}
	var value ast.Expr = ast.NewIdent("_")
	if base != nil {
		value = ast.NewBinExpr(token.AND, ast.NewIdent("#Base"), planExpr(base))
	}
	scope.Decls = append(scope.Decls, &ast.Field{Label: ast.NewIdent("#base"), Value: value})
	v := ctx.BuildFile(scope)
	return v, fault.Wrap(fault.Bug, v.Err(), "the schema does not evaluate")
}

// planExpr converts a plan to CUE. Maps and the user's lists are present even if empty, so that referring to a missing
// element is the same mistake everywhere.
func planExpr(p *plan.Plan) ast.Expr {
	t := newTree(p)
	for _, name := range []string{"variables", "staticAssets", "nixHashes", "aptHashes", "phases", "start"} {
		t.open([]string{name})
	}
	for _, name := range []string{"deployVariables", "exclude", "include"} {
		if p.Get(name) == nil {
			t.put([]string{name}, leafExpr([]string{}))
		}
	}
	for _, l := range p.Leaves() {
		t.put(l.Path, leafExpr(l.Value))
	}
	return t.root
}

// tree is a CUE struct that is built path by path.
type tree struct {
	root *ast.StructLit
	at   map[string]*ast.StructLit
}

// newTree returns a tree that contains the plan's phases as empty structs.
func newTree(p *plan.Plan) *tree {
	t := &tree{root: &ast.StructLit{}}
	t.at = map[string]*ast.StructLit{"": t.root}
	for _, name := range slices.Sorted(maps.Keys(p.Phases)) {
		t.open([]string{"phases", name})
	}
	return t
}

// open returns the struct at path and creates it if needed.
func (t *tree) open(path []string) *ast.StructLit {
	key := plan.Path(path...)
	if t.at[key] == nil {
		t.at[key] = &ast.StructLit{}
		t.put(path, t.at[key])
	}
	return t.at[key]
}

func (t *tree) put(path []string, x ast.Expr) {
	last := len(path) - 1
	s := t.open(path[:last])
	s.Elts = append(s.Elts, &ast.Field{Label: ast.NewString(path[last]), Value: x})
}

func leafExpr(v any) ast.Expr {
	list, ok := v.([]string)
	if !ok {
		return ast.NewString(v.(string))
	}
	l := &ast.ListLit{}
	for _, s := range list {
		l.Elts = append(l.Elts, ast.NewString(s))
	}
	return l
}

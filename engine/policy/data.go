package policy

import (
	"slices"
	"strconv"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/parser"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
	"github.com/nixpacks-cue/nixpacks/engine/unify"
)

// planFile is the file name in positions in the plan. No policy has this name.
const planFile = "plan.json"

// data is a plan as CUE, with the positions to find what set its values.
type data struct {
	plan    *plan.Plan
	origins *plan.Origins
	json    []byte
	at      map[fault.Pos][]string // paths of values, by position in json
}

func newData(p *plan.Plan, o *plan.Origins) (*data, error) {
	d := &data{plan: p, origins: o, json: p.JSON(), at: map[fault.Pos][]string{}}
	x, err := d.expr()
	if err != nil {
		return nil, err
	}
	d.index(x, nil)
	return d, nil
}

// expr parses the plan as CUE, of which JSON is a subset. Evaluation modifies the tree, so each evaluation needs its own.
func (d *data) expr() (ast.Expr, error) {
	x, err := parser.ParseExpr(planFile, d.json)
	return x, fault.Wrap(fault.Bug, err, "the plan cannot be read as CUE")
}

func (d *data) index(x ast.Expr, path []string) {
	at := x.Pos()
	d.at[fault.Pos{File: planFile, Line: at.Line(), Col: at.Column()}] = path
	down := func(x ast.Expr, name string) { d.index(x, append(slices.Clone(path), name)) }
	switch x := x.(type) {
	case *ast.ListLit:
		for i, e := range x.Elts {
			down(e, strconv.Itoa(i))
		}
	case *ast.StructLit:
		for _, e := range x.Elts {
			if f, ok := e.(*ast.Field); ok {
				if name, _, err := ast.LabelName(f.Label); err == nil {
					down(f.Value, name)
				}
			}
		}
	}
}

// setters returns the positions that set the value at path, or else a value below it.
func (d *data) setters(path []string) []fault.Pos {
	if len(path) == 0 {
		return nil
	}
	if at, ok := d.origins.At(path...); ok {
		return []fault.Pos{at}
	}
	for _, l := range d.plan.Leaves() {
		if len(l.Path) > len(path) && slices.Equal(l.Path[:len(path)], path) {
			if at, ok := d.origins.At(l.Path...); ok {
				return []fault.Pos{at}
			}
		}
	}
	return nil
}

// unset reports whether path is valid in a plan but has no value in this one.
func (d *data) unset(path []string) bool {
	_, known := plan.ShapeAt(path...)
	if !known || len(path) == 0 || unify.Has(d.plan, path) {
		return false
	}
	return !slices.ContainsFunc(d.plan.Leaves(), func(l plan.Leaf) bool {
		return len(l.Path) > len(path) && slices.Equal(l.Path[:len(path)], path)
	})
}

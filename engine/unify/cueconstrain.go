package unify

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	cueerrors "cuelang.org/go/cue/errors"

	"github.com/nixpacks-cue/nixpacks/engine/catalog"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// constrain checks the finished plan against the file's constraints, no matter which layer set a value. A plain value of
// the file that a variable or flag overrides is not a constraint. A constraint next to it still applies, as
// in "node x" & =~"^node".
func (u *unifier) constrain(e *evaluated, s *cueDocument, p *plan.Plan) error {
	c := &constraints{u: u, e: e, plan: p, seen: map[string]bool{}}
	data, replaced := c.data(s)
	met := e.own.Unify(e.ctx.BuildExpr(data))
	c.report(met.Validate(cue.Concrete(true)))
	for _, l := range replaced {
		v := met.LookupPath(pathOf(l.Path))
		for _, part := range parts(v, 0) {
			c.reportAt(part.Unify(e.ctx.Encode(l.Value)).Validate(cue.Concrete(true)), l.Path)
		}
	}
	for _, w := range s.want {
		if v := e.own.LookupPath(pathOf(w.path)); p.Get(w.path...) == nil && !e.acceptsNothing(v) {
			c.missing(w.path, fmt.Sprint(v), w.at)
		}
	}
	return errors.Join(c.errs...)
}

type constraints struct {
	u    *unifier
	e    *evaluated
	plan *plan.Plan
	errs []error
	seen map[string]bool
}

// decided are the fields decided before any provider runs. The file cannot constrain them any more.
var decided = []string{"providers", "packages"}

// data converts the plan to CUE, with "_" for the leaves that the file set and a layer above overrides.
func (c *constraints) data(s *cueDocument) (ast.Expr, []plan.Leaf) {
	t := newTree(c.plan)
	var replaced []plan.Leaf
	for _, l := range c.plan.Leaves() {
		if slices.Contains(decided, l.Path[0]) {
			continue
		}
		x := leafExpr(l.Value)
		if own := s.doc.Plan.Get(l.Path...); own != nil && !reflect.DeepEqual(own, l.Value) {
			replaced = append(replaced, l)
			x = ast.NewIdent("_")
		}
		t.put(l.Path, x)
	}
	return t.root, replaced
}

func pathOf(path []string) cue.Path {
	sels := make([]cue.Selector, len(path))
	for i, name := range path {
		sels[i] = cue.Str(name)
	}
	return cue.MakePath(sels...)
}

// parts splits v into its constraints, without its concrete values.
func parts(v cue.Value, depth int) []cue.Value {
	if op, args := v.Expr(); op == cue.AndOp && depth < catalog.MaxNesting {
		var out []cue.Value
		for _, a := range args {
			out = append(out, parts(a, depth+1)...)
		}
		return out
	}
	if node, soft := leafNode(v, v); node != nil && !soft || v.IncompleteKind() == cue.TopKind {
		return nil
	}
	return []cue.Value{v}
}

// acceptsNothing reports whether an unset leaf satisfies v: a list may be empty.
func (e *evaluated) acceptsNothing(v cue.Value) bool {
	return v.IncompleteKind() == cue.ListKind && v.Unify(e.ctx.Encode([]string{})).Validate(cue.Concrete(true)) == nil
}

func (c *constraints) report(err error) {
	found := cueerrors.Errors(err)
	for i := 0; i < len(found); i++ {
		one := found[i]
		switch format, args := one.Msg(); format {
		case msgIncomplete, msgOperand, msgInterpolate:
		case msgRequired:
			path := planPath(one)
			if at := places(one, c.e.name); len(at) > 0 && c.plan.Get(path...) == nil {
				c.missing(path, "", at[0])
			}
		case msgDisjunction:
			n, _ := args[0].(int)
			n = min(n, len(found)-i-1)
			c.alternatives(one, found[i+1:i+1+n])
			i += n
		default:
			c.clash(one, planPath(one))
		}
	}
}

// reportAt is report for errors of the leaf at path. Such errors have no path of their own.
func (c *constraints) reportAt(err error, path []string) {
	for _, one := range cueerrors.Errors(err) {
		switch format, _ := one.Msg(); format {
		case msgIncomplete, msgOperand, msgDisjunction:
			continue
		}
		full := slices.Clone(path)
		if p := one.Path(); len(p) > 0 {
			if _, err := strconv.Atoi(p[len(p)-1]); err == nil {
				full = append(full, p[len(p)-1])
			}
		}
		c.clash(one, full)
	}
}

// alternatives adds a fault for a value that matches none of several alternatives.
func (c *constraints) alternatives(err cueerrors.Error, each []cueerrors.Error) {
	path := planPath(err)
	leaf, elem, value := ValueAt(c.plan, path)
	f := (&rephraser{e: c.e}).fault(err, "%s is %s, but must be %s", ShownPath(path), value, strings.Join(options(each, value), " or "))
	c.add(f, leaf, elem)
}

// clash adds a fault for a value that violates a constraint, with the position of the constraint in the file and the
// position that set the value.
func (c *constraints) clash(err cueerrors.Error, path []string) {
	if format, _ := err.Msg(); format == msgNotAllowed {
		c.notAllowed(err, path)
		return
	}
	leaf, elem, value := ValueAt(c.plan, path)
	f := (&rephraser{e: c.e}).fault(err, "%s", clash(err, ShownPath(path), value, c.e.name))
	c.add(f, leaf, elem)
}

// notAllowed adds a fault for a field of the finished plan that a closed struct in the file does not allow.
func (c *constraints) notAllowed(err cueerrors.Error, path []string) {
	f := (&rephraser{e: c.e}).fault(err, "%s is not allowed by %s", ShownPath(path), c.e.name)
	for i := len(path); i > 0; i-- {
		if at, ok := c.e.labels[plan.Path(path[:i]...)]; ok && f.At[0].Line == 0 {
			f.At[0] = at
			f = f.WithSource(c.e.text)
		}
	}
	for _, l := range c.plan.Leaves() {
		if len(l.Path) > len(path) && slices.Equal(l.Path[:len(path)], path) {
			c.add(f, l.Path, "")
			return
		}
	}
	c.add(f, path, "")
}

func (c *constraints) add(f *fault.Fault, leaf []string, elem string) {
	if at, ok := c.u.origin(leaf, elem); ok && !slices.Contains(f.At, at) {
		f.At = append(f.At, at)
	}
	if key := fmt.Sprint(f.Msg, f.At); !c.seen[key] {
		c.seen[key] = true
		c.errs = append(c.errs, f)
	}
}

// missing adds a fault for a required value that is not set.
func (c *constraints) missing(path []string, constraint string, at fault.Pos) {
	f := fault.New(fault.Refused, "%s", missing(path, constraint)).WithPos(at).WithSource(c.e.text)
	if key := plan.Path(path...); !c.seen[key] {
		c.seen[key] = true
		c.errs = append(c.errs, f)
	}
}

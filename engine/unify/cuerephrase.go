package unify

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"cuelang.org/go/cue/ast"
	cueerrors "cuelang.org/go/cue/errors"
	"cuelang.org/go/cue/literal"

	"github.com/nixpacks-cue/nixpacks/engine/catalog"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// rephraser turns CUE's errors into faults in plain words, with positions in the user's file.
type rephraser struct {
	e    *evaluated
	base *plan.Plan
}

func (r *rephraser) all(found []cueerrors.Error) []*fault.Fault {
	var out []*fault.Fault
	for i := 0; i < len(found); i++ {
		format, args := found[i].Msg()
		if format == msgDisjunction {
			n, _ := args[0].(int)
			n = min(n, len(found)-i-1)
			out = append(out, r.alternatives(found[i], found[i+1:i+1+n]))
			i += n
			continue
		}
		out = append(out, r.one(found[i], format, args))
	}
	return out
}

// planPath returns the path of an error in the plan.
func planPath(err cueerrors.Error) []string {
	var out []string
	for i, p := range err.Path() {
		if i == 0 && p == "#Plan" {
			continue
		}
		if u, err := literal.Unquote(p); err == nil {
			p = u
		}
		out = append(out, p)
	}
	return out
}

// ShownPath formats a path for messages, with list indices in brackets.
func ShownPath(path []string) string {
	for i, name := range path {
		if shape, ok := plan.ShapeAt(path[:i]...); ok && shape.Kind == plan.List && i > 0 {
			return plan.Path(path[:i]...) + "[" + name + "]"
		}
	}
	return plan.Path(path...)
}

// fault returns a fault whose cause keeps CUE's message, including positions in the schema.
func (r *rephraser) fault(err cueerrors.Error, format string, args ...any) *fault.Fault {
	f := fault.New(fault.Refused, format, args...)
	f.Err = cause(err)
	f.At = places(err, r.e.name)
	if len(f.At) == 0 {
		f.At = []fault.Pos{r.e.placeOf(planPath(err))}
	}
	for i, at := range f.At {
		if r.e.marked[at] {
			f.At[i].Label = `from "..."`
		}
	}
	return f.WithSource(r.e.text)
}

// placeOf returns the position of the value at a path, or else of its name, or else the file.
func (e *evaluated) placeOf(path []string) fault.Pos {
	if at := valuePos(e.own.LookupPath(pathOf(path))); len(path) > 0 && at.File == e.name {
		return at
	}
	if at, ok := e.labels[plan.Path(path...)]; ok {
		return at
	}
	return fault.Pos{File: e.name}
}

func (r *rephraser) one(err cueerrors.Error, format string, args []any) *fault.Fault {
	what := ShownPath(planPath(err))
	if what == "" {
		what = r.e.name
	}
	switch format {
	case msgNotAllowed:
		f := r.fault(err, "%s is not allowed", what)
		path := planPath(err)
		if shape, ok := plan.ShapeAt(path[:max(len(path)-1, 0)]...); ok && len(shape.Names) > 0 && len(f.At) > 0 {
			unknown := plan.Unknown(path, f.At[0])
			f.Msg, f.Hint = unknown.Msg, unknown.Hint
		}
		return f
	case msgConflict, msgMismatch:
		if shape, ok := plan.ShapeAt(planPath(err)...); ok && len(places(err, schemaFile)) > 0 {
			return r.fault(err, "%s must be %s", what, shape.Words)
		}
		both := []string{clipped(args[0]), clipped(args[1])}
		slices.Sort(both)
		return r.fault(err, "%s cannot be both %s and %s", what, both[0], both[1])
	case msgBound, msgSatisfy:
		return r.fault(err, "%s is %s, but %s", what, clipped(args[0]), bound(clipped(args[1])))
	case msgCycle:
		return r.fault(err, "%s contains itself", what)
	case msgReference:
		name := fmt.Sprint(args[0])
		return r.suggest(r.fault(err, "%q is not declared", name), name, append(r.e.names, "#base", "#Plan"))
	case msgUndefined, msgOptional:
		return r.undefined(err, fmt.Sprint(args[0]))
	case msgOperand, msgInterpolate:
		return r.valueless(err)
	}
	// CUE's message starts with the path.
	words := strings.TrimPrefix(err.Error(), strings.Join(err.Path(), ".")+": ")
	if len(planPath(err)) > 0 {
		words = what + ": " + words
	}
	return r.fault(err, "%s", words)
}

// clipped formats a CUE value for a message, cut after the first line or 80 bytes.
func clipped(v any) string {
	s, _, more := strings.Cut(fmt.Sprint(v), "\n")
	if more || len(s) > 80 {
		s = s[:min(len(s), 80)] + "…"
	}
	return strings.ToValidUTF8(s, "")
}

// valueless returns the fault for a path that the file refers to but gives no value.
func (r *rephraser) valueless(err cueerrors.Error) *fault.Fault {
	f := r.fault(err, "this has no value in %s", r.e.name)
	ast.Walk(r.e.file, func(n ast.Node) bool {
		x, ok := n.(ast.Expr)
		if !ok || catalog.Pos(x.Pos()) != f.At[0] {
			return true
		}
		if i, ok := x.(*ast.Interpolation); ok && len(i.Elts) > 1 {
			x = i.Elts[1]
		}
		if path, ok := pathFrom(x, nil); ok && len(path) > 0 {
			f.Msg = fmt.Sprintf("%s has no value in %s", plan.Path(path...), r.e.name)
			f.Hint = "to use the value from providers and Procfile, write " + baseName(path)
			return false
		}
		return true
	}, nil)
	return f
}

func (r *rephraser) suggest(f *fault.Fault, name string, names []string) *fault.Fault {
	if s := fault.Suggest(name, names); s != "" {
		f.Hint = `did you mean "` + s + `"?`
	}
	return f
}

// bound describes a constraint such as =~"^npm ".
func bound(c string) string {
	for _, op := range []struct{ cue, words string }{
		{"=~", "must match "}, {"!~", "must not match "}, {"!=", "must not be "},
	} {
		if rest, ok := strings.CutPrefix(c, op.cue); ok {
			return op.words + rest
		}
	}
	if strings.HasSuffix(c, ")") {
		return "must satisfy " + c
	}
	return "must be " + c
}

// alternatives returns the fault for a value that matches none of several alternatives.
func (r *rephraser) alternatives(err cueerrors.Error, each []cueerrors.Error) *fault.Fault {
	value, options := "", []string{}
	counts := map[string]int{}
	for _, one := range each {
		if format, args := one.Msg(); format == msgConflict || format == msgMismatch {
			for _, a := range args[:2] {
				counts[fmt.Sprint(a)]++
			}
		}
	}
	for _, s := range slices.Sorted(maps.Keys(counts)) {
		if counts[s] == len(each) && len(each) > 1 && value == "" {
			value = s
		} else {
			options = append(options, s)
		}
	}
	what := ShownPath(planPath(err))
	var f *fault.Fault
	if value == "" || len(options) == 0 {
		f = r.fault(err, "%s is not one of the allowed values", what)
	} else {
		f = r.fault(err, "%s is %s, but must be %s", what, value, strings.Join(options, " or "))
	}
	f.At = nil
	for _, one := range each {
		for _, p := range places(one, r.e.name) {
			if !slices.Contains(f.At, p) {
				f.At = append(f.At, p)
			}
		}
	}
	return f.WithSource(r.e.text)
}

package unify

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"cuelang.org/go/cue"
	cueerrors "cuelang.org/go/cue/errors"

	"github.com/nixpacks-cue/nixpacks/engine/catalog"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// Broken is a constraint that a finished plan violates.
type Broken struct {
	Words string
	Path  []string // of the value, may end in a list index; empty for the whole plan
	// Says are CUE's errors: for a disjunction, first the error for the whole and then one for each alternative.
	Says []cueerrors.Error
}

// Breaks describes in plain words the violations in met, a finished plan unified with constraints called name. It returns
// nil if there are none. The words leave out values of variables, which may be secret.
func Breaks(met cue.Value, p *plan.Plan, name string) []Broken {
	err := met.Validate(cue.Concrete(true))
	if err == nil {
		return nil
	}
	var out []Broken
	for _, b := range append(broken(err, p, name), lacking(met, p, name)...) {
		if each := checkEach(met, b.Path, p, name); each != nil {
			out = append(out, each...)
		} else {
			out = append(out, b)
		}
	}
	return out
}

// checkEach checks each constraint on the value at path. CUE reports only one of several violated constraints, and may
// report it with the message of another: an error() alternative, which applies to every failure of the value.
func checkEach(met cue.Value, path []string, p *plan.Plan, name string) []Broken {
	leaf, elem, _ := ValueAt(p, path)
	value := p.Get(leaf...)
	if elem != "" {
		value = elem
	}
	at := pathOf(leaf)
	if len(leaf) < len(path) {
		i, _ := strconv.Atoi(path[len(leaf)])
		at = cue.MakePath(append(at.Selectors(), cue.Index(i))...)
	}
	each := parts(met.LookupPath(at), 0)
	if value == nil || len(each) < 2 {
		return nil
	}
	var out []Broken
	ctx := catalog.NewContext()
	for _, part := range each {
		for _, b := range broken(part.Unify(ctx.Encode(value)).Validate(cue.Concrete(true)), p, name) {
			b.Path = path
			b.Words = b.words(p, name)
			out = append(out, b)
		}
	}
	return out
}

func broken(err error, p *plan.Plan, name string) []Broken {
	var out []Broken
	found := cueerrors.Errors(err)
	for i := 0; i < len(found); i++ {
		b := Broken{Says: found[i : i+1], Path: planPath(found[i])}
		if format, args := found[i].Msg(); format == msgDisjunction {
			n, _ := args[0].(int)
			n = min(n, len(found)-i-1)
			b.Says = found[i : i+1+n]
			i += n
		}
		b.Words = b.words(p, name)
		out = append(out, b)
	}
	return out
}

// lacking returns the required values that are missing below v. CUE does not report them if there are errors of other
// kinds.
func lacking(v cue.Value, p *plan.Plan, name string) []Broken {
	it, err := v.Fields(cue.Optional(true), cue.Hidden(true)) // hidden fields too, because erroneous ones are otherwise not listed
	if err != nil {
		return nil
	}
	var out []Broken
	leaf := true
	for it.Next() {
		leaf = false
		f := it.Value()
		switch it.Selector().ConstraintType() {
		case cue.OptionalConstraint:
		case cue.RequiredConstraint:
			b := Broken{Path: namesOf(f.Path()), Says: []cueerrors.Error{cueerrors.Newf(f.Pos(), msgRequired)}}
			b.Words = b.words(p, name)
			out = append(out, b)
		default:
			if it.Selector().LabelType() != cue.HiddenLabel {
				out = append(out, lacking(f, p, name)...)
			}
		}
	}
	if leaf {
		return broken(v.Validate(cue.Concrete(true)), p, name)
	}
	return out
}

func namesOf(p cue.Path) []string {
	var out []string
	for _, s := range p.Selectors() {
		if s.Type().LabelType() == cue.StringLabel {
			out = append(out, s.Unquoted())
		} else {
			out = append(out, s.String())
		}
	}
	return out
}

func (b Broken) words(p *plan.Plan, name string) string {
	what := ShownPath(b.Path)
	_, _, value := ValueAt(p, b.Path)
	hide := slices.Contains(b.Path, "variables")
	format, args := b.Says[0].Msg()
	_, known := plan.ShapeAt(b.Path...)
	switch {
	case format == msgReference:
		return fmt.Sprintf("%s refers to %q, which is not declared", name, args[0])
	case format == msgIncomplete && known:
		return missing(b.Path, clipped(args[0]))
	case format == msgRequired && known:
		return missing(b.Path, "")
	case format == msgNotAllowed:
		return fmt.Sprintf("%s is not allowed by %s", what, name)
	case len(b.Path) == 0 || value == notSet:
		return fmt.Sprintf("%s rejects the plan: %s", name, b.Says[0].Error())
	case hide && len(b.Says) > 1:
		return fmt.Sprintf("%s is not one of the values that %s allows", what, name)
	case len(b.Says) > 1:
		return fmt.Sprintf("%s is %s, but must be %s", what, value, strings.Join(options(b.Says[1:], value), " or "))
	case !hide:
		return clash(b.Says[0], what, value, name)
	case format == msgBound || format == msgSatisfy:
		return what + " " + bound(clipped(args[1]))
	}
	return fmt.Sprintf("%s is rejected by %s", what, name)
}

// clash describes why constraints called name refuse a value.
func clash(err cueerrors.Error, what, value, name string) string {
	switch format, args := err.Msg(); format {
	case msgBound, msgSatisfy:
		return fmt.Sprintf("%s is %s, but %s", what, value, bound(clipped(args[1])))
	case msgConflict, msgMismatch:
		other := clipped(args[0])
		if other == value {
			other = clipped(args[1])
		}
		return fmt.Sprintf("%s is %s, but must be %s", what, value, other)
	default:
		return fmt.Sprintf("%s is %s, which %s rejects: %s", what, value, name, fmt.Sprintf(format, args...))
	}
}

// options returns the allowed values, extracted from CUE's errors about the alternatives.
func options(each []cueerrors.Error, value string) []string {
	var out []string
	for _, one := range each {
		format, args := one.Msg()
		if format == msgBound || format == msgConflict || format == msgMismatch {
			for _, a := range args[:2] {
				if s := clipped(a); s != value && !slices.Contains(out, s) {
					out = append(out, s)
				}
			}
		}
	}
	return out
}

// missing describes a required value that is not set.
func missing(path []string, constraint string) string {
	what := plan.Path(path...) + " is not set"
	if what == "start.user is not set" {
		what += ", which means root"
	}
	return what + ", but " + demand(constraint)
}

func demand(constraint string) string {
	switch constraint {
	case "", "string":
		return "must be set"
	}
	return bound(constraint)
}

// notSet stands for a missing value in messages.
const notSet = "not set"

// ValueAt returns the value of the finished plan at a path, which may end in a list index: the path of the leaf, the element if
// there is an index, and the value as shown in messages.
func ValueAt(p *plan.Plan, path []string) (leaf []string, elem, shown string) {
	switch v := p.Get(path...).(type) {
	case string:
		return path, "", strconv.Quote(v)
	case []string:
		return path, "", "[" + strings.ReplaceAll(strings.Trim(fmt.Sprintf("%q", v), "[]"), `" "`, `", "`) + "]"
	}
	if len(path) > 1 {
		list, _ := p.Get(path[:len(path)-1]...).([]string)
		if i, err := strconv.Atoi(path[len(path)-1]); err == nil && i >= 0 && i < len(list) {
			return path[:len(path)-1], list[i], strconv.Quote(list[i])
		}
	}
	return path, "", notSet
}

// Has reports whether a plan has a value at a path, which may end in a list index.
func Has(p *plan.Plan, path []string) bool {
	_, _, shown := ValueAt(p, path)
	return shown != notSet
}

package unify

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"cuelang.org/go/cue"
	cueerrors "cuelang.org/go/cue/errors"

	"github.com/nixpacks-cue/nixpacks/engine/catalog"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// Formats of CUE's messages that get special treatment. See rephraser.one for the others.
const (
	msgIncomplete  = "incomplete value %v"
	msgRequired    = "field is required but not present"
	msgNotAllowed  = "field not allowed"
	msgConflict    = "conflicting values %s and %s"
	msgMismatch    = "conflicting values %s and %s (mismatched types %s and %s)"
	msgBound       = "invalid value %v (out of bound %s)"
	msgSatisfy     = "invalid value %s (does not satisfy %s)"
	msgCycle       = "structural cycle"
	msgDisjunction = "%d errors in empty disjunction:"
	msgReference   = "reference %q not found"
	msgUndefined   = "undefined field: %s"
	msgOptional    = "cannot reference optional field: %s"
	msgOperand     = "non-concrete value %v in operand to %s"
	msgInterpolate = "invalid interpolation"
)

// mistakes returns the errors in the file itself, the clearest first: errors in the shape of its own values, then
// CUE's errors about the rest.
func (e *evaluated) mistakes(base *plan.Plan) error {
	var found []cueerrors.Error
	for _, err := range cueerrors.Errors(e.full.Validate(cue.Concrete(true))) {
		if format, _ := err.Msg(); format != msgIncomplete && format != msgRequired {
			found = append(found, err)
		}
	}
	if len(found) == 0 {
		return nil
	}
	types, names := e.misshapen()
	for _, f := range append(slices.Clone(types), names...) {
		f.Err = causeAt(found, f.At[0])
	}
	if len(names) > 0 { // CUE reports the same names, and everything below them
		found = slices.DeleteFunc(found, func(err cueerrors.Error) bool {
			format, _ := err.Msg()
			return format == msgNotAllowed
		})
	}
	faults := append(types, names...)
	for _, f := range (&rephraser{e: e, base: base}).all(found) {
		if !slices.ContainsFunc(types, func(t *fault.Fault) bool { return slices.Contains(f.At, t.At[0]) }) {
			faults = append(faults, f)
		}
	}
	return inOrder(faults)
}

// causeAt returns CUE's error at a position, with positions in the schema, or nil if there is none.
func causeAt(found []cueerrors.Error, at fault.Pos) error {
	for _, err := range found {
		if slices.Contains(places(err, at.File), at) {
			return cause(err)
		}
	}
	return nil
}

func cause(err cueerrors.Error) error {
	return errors.New(strings.TrimSpace(cueerrors.Details(err, nil)))
}

// inOrder joins faults sorted by position.
func inOrder(faults []*fault.Fault) error {
	slices.SortStableFunc(faults, func(a, b *fault.Fault) int {
		if len(a.At) == 0 || len(b.At) == 0 {
			return len(b.At) - len(a.At)
		}
		return cmp.Or(cmp.Compare(a.At[0].Line, b.At[0].Line), cmp.Compare(a.At[0].Col, b.At[0].Col))
	})
	errs := make([]error, len(faults))
	for i, f := range faults {
		errs[i] = f
	}
	return errors.Join(errs...)
}

// places returns an error's positions in one file.
func places(err cueerrors.Error, file string) []fault.Pos {
	var out []fault.Pos
	for _, p := range cueerrors.Positions(err) {
		if at := catalog.Pos(p); at.File == file && !slices.Contains(out, at) {
			out = append(out, at)
		}
	}
	return out
}

// misshapen returns the wrong types and unknown names in the file. The file's own values are read like any other
// document, so that the messages are the same for CUE, TOML and JSON.
func (e *evaluated) misshapen() (types, names []*fault.Fault) {
	s := &shaper{e: e}
	root := &plan.Node{Kind: plan.Map, Pos: fault.Pos{File: e.name}}
	s.fields(e.own, root, nil)
	if _, err := plan.Read(root, e.text); err != nil {
		s.types = append(s.types, fault.All(err)...)
	}
	return s.types, s.names
}

// shaper converts the file's own values to a document, whatever they are.
type shaper struct {
	e     *evaluated
	types []*fault.Fault // errors that plan.Read cannot find: a null
	names []*fault.Fault // unknown field names
}

func (s *shaper) fields(v cue.Value, n *plan.Node, path []string) {
	it, err := v.Fields()
	if err != nil {
		return
	}
	for it.Next() {
		name := it.Selector().Unquoted()
		p := append(path[:len(path):len(path)], name)
		at, ok := s.e.labels[plan.Path(p...)]
		if !ok {
			at = valuePos(it.Value())
		}
		shape, ok := plan.ShapeAt(p...)
		if !ok {
			s.names = append(s.names, plan.Unknown(p, at).WithSource(s.e.text))
			continue
		}
		child := s.node(it.Value(), p)
		if child == nil {
			continue
		}
		if child.Kind == plan.Null {
			s.types = append(s.types, s.e.fault(child.Pos, "%s must be %s, not null", plan.Path(p...), shape.Words).
				WithHint("null deletes a phase, a variable, a static asset, or a field of a phase or of start"))
		}
		n.Fields = append(n.Fields, plan.Field{Name: name, Pos: at, Value: child})
	}
}

// node converts v to a node. It returns nil if v may be of several kinds or is an error.
func (s *shaper) node(v cue.Value, path []string) *plan.Node {
	n := &plan.Node{Pos: valuePos(v)}
	switch v.IncompleteKind() {
	case cue.StructKind:
		n.Kind = plan.Map
		s.fields(v, n, path)
	case cue.ListKind:
		n.Kind = plan.List
		it, err := v.List()
		for i := 0; err == nil && it.Next(); i++ {
			item := s.node(it.Value(), append(path[:len(path):len(path)], strconv.Itoa(i)))
			if item == nil {
				item = &plan.Node{Kind: plan.String, Pos: n.Pos}
			}
			n.Items = append(n.Items, item)
		}
	case cue.StringKind:
		n.Kind = plan.String
		n.Text, _ = v.String()
	case cue.IntKind, cue.FloatKind, cue.NumberKind:
		n.Kind, n.Text = plan.Number, written(v)
	case cue.BoolKind:
		n.Kind, n.Text = plan.Bool, written(v)
	case cue.NullKind:
		n.Kind = plan.Null
	default:
		return nil
	}
	return n
}

// written formats a concrete value as CUE, or returns "" for a type.
func written(v cue.Value) string {
	if !v.IsConcrete() {
		return ""
	}
	return fmt.Sprint(v)
}

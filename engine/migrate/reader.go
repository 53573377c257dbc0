package migrate

import (
	"errors"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// reader reads values of another program's document and collects errors about wrong types.
type reader struct {
	text []byte
	errs []error
}

func (r *reader) err() error { return errors.Join(r.errs...) }

// wrong reports whether n is missing or null, or is not of the given kind, which is an error about key.
func (r *reader) wrong(n *plan.Node, key string, kind plan.Kind) bool {
	if n == nil || n.Kind == plan.Null {
		return true
	}
	if n.Kind == kind {
		return false
	}
	if key == "" {
		key = "the file"
	}
	r.errs = append(r.errs, fault.New(fault.Refused, "%s must be %s, not %s", key, kind, n.Kind).WithPos(n.Pos).WithSource(r.text))
	return true
}

func (r *reader) fields(n *plan.Node, key string) []plan.Field {
	if r.wrong(n, key, plan.Map) {
		return nil
	}
	return n.Fields
}

func (r *reader) items(n *plan.Node, key string) []*plan.Node {
	if r.wrong(n, key, plan.List) {
		return nil
	}
	return n.Items
}

func (r *reader) str(n *plan.Node, key string) (string, bool) {
	if r.wrong(n, key, plan.String) {
		return "", false
	}
	return n.Text, true
}

// scalar returns a string, or the literal of a number or boolean.
func (r *reader) scalar(n *plan.Node, key string) (string, bool) {
	if n != nil && (n.Kind == plan.Number || n.Kind == plan.Bool) {
		return n.Text, true
	}
	return r.str(n, key)
}

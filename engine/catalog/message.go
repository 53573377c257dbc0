package catalog

import (
	"errors"
	"reflect"
	"slices"
	"strings"

	"cuelang.org/go/cue"
	cueerrors "cuelang.org/go/cue/errors"
	"cuelang.org/go/cue/literal"

	"github.com/nixpacks-cue/nixpacks/engine/app"
	"github.com/nixpacks-cue/nixpacks/engine/facts"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// fault makes the fault for errors of CUE. One about the value of a fact is the app's doing: a file does
// not have the shape that the provider declared, and the fault points into that file. Any other is
// about the provider.
func (e *evaluator) fault(err error) error {
	var f *fault.Fault
	if err == nil || errors.As(err, &f) {
		return err
	}
	var app, own []error
	seen := map[fault.Pos]bool{}
	for _, one := range cueerrors.Errors(err) {
		f := e.appFault(one)
		switch {
		case f == nil:
			own = append(own, e.one(one))
		case !seen[f.At[0]]:
			seen[f.At[0]] = true
			app = append(app, f)
		}
	}
	if app != nil { // what else went wrong follows from the value that has not the shape
		return errors.Join(app...)
	}
	return errors.Join(own...)
}

func (e *evaluator) one(err cueerrors.Error) *fault.Fault {
	if f := e.appFault(err); f != nil {
		return f
	}
	what := "provider " + e.provider.Name
	if path := slices.DeleteFunc(slices.Clone(err.Path()), func(s string) bool { return s == "#Provider" }); len(path) > 0 {
		what += ": " + strings.Join(path, ".")
	}
	return cueFault(err, what)
}

// appFault is the fault for an error at facts.NAME.value…; nil for any other.
func (e *evaluator) appFault(err cueerrors.Error) *fault.Fault {
	path := slices.Clone(err.Path())
	if len(path) < 3 || path[0] != "facts" || path[2] != "value" {
		return nil
	}
	for i, s := range path {
		if u, err := literal.Unquote(s); err == nil {
			path[i] = u
		}
	}
	q, ok := e.asked[path[1]]
	if !ok {
		return nil
	}
	at, text, ok := facts.Locate(e.app, q, path[3:])
	if !ok {
		return nil
	}
	what := at.File
	if at.Label != "" {
		what += ": " + at.Label
	}
	at.Label = ""
	f := cueFault(err, what)
	if n := len(f.At); n > 0 { // the last is the innermost
		f.At[n-1].Label = "the shape that the provider expects"
		f.At = f.At[n-1:]
	}
	f.At = slices.Insert(f.At, 0, at)
	return f.WithSource([]byte(text))
}

// message is an element of notes or refuse.
type message struct {
	Text string `json:"text"`
	Hint string `json:"hint"`
	File string `json:"file"`
	Find string `json:"find"`
}

// refusals are the reasons why the provider cannot plan this app, as faults.
func (e *evaluator) refusals(v cue.Value) error {
	notes, err := e.notes(v, "refuse")
	if err != nil {
		return err
	}
	var out []error
	for _, n := range notes {
		f := fault.New(fault.Refused, "%s", n.Text).WithPos(n.At...)
		f.Hint = n.Hint
		if len(n.At) > 0 {
			if text, ok, err := e.app.Text(n.At[0].File); ok && err == nil {
				f = f.WithSource([]byte(text))
			}
		}
		out = append(out, f)
	}
	return errors.Join(out...)
}

func (e *evaluator) notes(v cue.Value, name string) ([]Note, error) {
	all := v.LookupPath(cue.ParsePath(name))
	if !all.Exists() {
		return nil, nil
	}
	var found []message
	d := decoder{e: e}
	d.value(all, reflect.ValueOf(&found).Elem())
	var out []Note
	for _, m := range found {
		out = append(out, Note{Text: m.Text, Hint: m.Hint, At: e.find(m.File, m.Find)})
	}
	return out, errors.Join(d.faults...)
}

// find is the place where a text first stands in a file of the app.
func (e *evaluator) find(file, what string) []fault.Pos {
	if file == "" {
		return nil
	}
	at := fault.Pos{File: file}
	if text, ok, err := e.app.Text(file); ok && err == nil && what != "" {
		if i := strings.Index(text, what); i >= 0 {
			at = app.PosAt(file, text, i)
		}
	}
	return []fault.Pos{at}
}

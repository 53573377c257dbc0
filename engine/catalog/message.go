package catalog

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	cueerrors "cuelang.org/go/cue/errors"
	"cuelang.org/go/cue/literal"

	"github.com/nixpacks-cue/nixpacks/engine/facts"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// fault returns the fault for errors of CUE. An error in the value of a fact is the app's: a file does
// not have the type that the provider expects, and the fault points into that file. Any other error is
// the provider's.
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
	if app != nil { // the other errors follow from the value with the wrong shape
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

// appFault returns the fault for an error at facts.NAME.value…, or nil for any other error.
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
	at, text, ok := facts.Locate(e.app, q.Asked(e.app, e.up()), path[3:])
	if !ok {
		return nil
	}
	what := at.File
	if at.Label != "" {
		what = at.Label + " in " + what
	}
	at.Label = ""
	f := cueFault(err, what)
	if want := wantedKind(err, facts.At(e.answers[path[1]].Value, path[3:])); want != "" {
		f = fault.New(fault.Refused, "%s", what+" "+want)
		f.Err = err
	}
	if n := len(f.At); n > 0 { // the last position is the innermost
		f.At[n-1].Label = "the type that the provider expects"
		f.At = f.At[n-1:]
	}
	f.At = slices.Insert(f.At, 0, at)
	return f.WithSource([]byte(text))
}

// wantedKind describes a value of the wrong kind in words: "must be a list, not a number". It returns "" for other
// errors.
func wantedKind(err cueerrors.Error, value any) string {
	format, args := err.Msg()
	if !strings.Contains(format, "mismatched types") || len(args) != 4 {
		return ""
	}
	got := kindName(value)
	for _, kind := range args[2:] {
		if words, ok := kindWords[fmt.Sprint(kind)]; ok && words != got {
			return "must be " + words + ", not " + got
		}
	}
	return ""
}

// kindWords translates CUE's kinds to common words.
var kindWords = map[string]string{
	"struct": "a map", "list": "a list", "string": "a string", "bool": "true or false", "null": "null",
	"int": "a number", "float": "a number", "number": "a number",
}

func kindName(value any) string {
	switch value.(type) {
	case nil:
		return "null"
	case bool:
		return "true or false"
	case string:
		return "a string"
	case []any:
		return "a list"
	case map[string]any:
		return "a map"
	}
	return "a number"
}

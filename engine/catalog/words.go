package catalog

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"cuelang.org/go/cue"

	"github.com/nixpacks-cue/nixpacks/engine/app"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// Note is a message of a provider for the user.
type Note struct {
	Text string
	Hint string
	At   []fault.Pos
	// Unless is "start" for a note that applies only to the provider's own start command.
	Unless string `json:",omitempty"`
}

// Version is a version that a provider chose, and the reason.
type Version struct {
	Of      string      // the subject: "Node"
	Version string      // with the precision of the plan: "22"
	By      string      // what requested it: "engines.node in package.json"; "" for the default
	Asked   string      // the request as written: ">=22"
	At      []fault.Pos // position of the request
}

// Source describes the origin of the version in words: `engines.node in package.json asks for ">=22"`.
func (v Version) Source() string {
	switch {
	case v.By == "":
		return "the default: nothing in the app says which"
	case v.Asked == "":
		return v.By
	}
	return fmt.Sprintf("%s asks for %q", v.By, v.Asked)
}

// message is an element of the fields notes or refuse.
type message struct {
	Text string `json:"text"`
	Hint string `json:"hint"`
	File string `json:"file"`
	Find string `json:"find"`

	Unless string `json:"unless"`
}

// refusals returns the provider's reasons to refuse this app, as faults.
func (e *evaluator) refusals(v cue.Value) error {
	notes, err := e.notes(v, "refuse")
	if err != nil {
		if whole := e.fault(v.Validate()); whole != nil { // e.fault determines whether the app is the cause
			return whole
		}
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
		out = append(out, Note{Text: m.Text, Hint: m.Hint, At: e.find(m.File, m.Find), Unless: m.Unless})
	}
	return out, errors.Join(d.faults...)
}

// versions decodes the versions that the provider chose.
func (e *evaluator) versions(v cue.Value) ([]Version, error) {
	all := v.LookupPath(cue.ParsePath("versions"))
	if !all.Exists() {
		return nil, nil
	}
	var found []struct {
		Of      string `json:"of"`
		Version string `json:"version"`
		By      string `json:"by"`
		Asked   string `json:"asked"`
		File    string `json:"file"`
		Find    string `json:"find"`
	}
	d := decoder{e: e}
	d.value(all, reflect.ValueOf(&found).Elem())
	var out []Version
	for _, m := range found {
		out = append(out, Version{Of: m.Of, Version: m.Version, By: m.By, Asked: m.Asked, At: e.find(m.File, m.Find)})
	}
	return out, errors.Join(d.faults...)
}

// shares decodes the data that the provider offers to others.
func (e *evaluator) shares(v cue.Value) (map[string]any, error) {
	all := v.LookupPath(cue.ParsePath("shares"))
	if !all.Exists() {
		return nil, nil
	}
	text, err := all.MarshalJSON()
	if err != nil {
		return nil, e.fault(err)
	}
	return object(text)
}

// find returns the position of the first occurrence of a text in a file of the app.
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

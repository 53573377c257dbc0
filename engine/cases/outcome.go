package cases

import (
	"bytes"
	"encoding/json"
	"fmt"

	"golang.org/x/tools/txtar"

	"github.com/nixpacks-cue/nixpacks/engine/catalog"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// Outcome formats an evaluation, or its refusal, as the sections of a case. Any other fault is returned as an error.
func Outcome(e *catalog.Evaluation, err error) ([]txtar.File, error) {
	switch {
	case err != nil && fault.CodeOf(err) != fault.Refused:
		return nil, err
	case err != nil:
		var b bytes.Buffer
		fault.Print(&b, err, false)
		return []txtar.File{{Name: "error", Data: b.Bytes()}}, nil
	}
	w := &writer{}
	w.json("plan.json", e.Plan)
	if e.Location != nil {
		w.json("app.json", e.Location)
	}
	if s := e.Slim; s != nil {
		w.json("slim.json", struct {
			Start  plan.Start  `json:"start"`
			Own    *plan.Start `json:"own,omitempty"` // all fields, not only the differences to start
			Unless string      `json:"unless,omitempty"`
		}{s.Start, ownStart(s), s.Unless})
	}
	if len(e.Metadata) > 0 {
		w.json("metadata.json", e.Metadata)
	}
	w.text("versions", versions(e.Versions))
	if len(e.Shares) > 0 {
		w.json("shares.json", e.Shares)
	}
	w.text("notes", notes(e.Notes))
	return w.files, w.err
}

func ownStart(s *catalog.Slim) *plan.Start {
	if s.Own == nil {
		return nil
	}
	return &s.Own.Start
}

func versions(list []catalog.Version) []byte {
	var b bytes.Buffer
	for _, v := range list {
		fmt.Fprintf(&b, "%s %s: %s", v.Of, v.Version, v.Source())
		for _, at := range v.At {
			fmt.Fprintf(&b, " (%s)", at)
		}
		b.WriteString("\n")
	}
	return b.Bytes()
}

func notes(list []catalog.Note) []byte {
	var b bytes.Buffer
	for _, n := range list {
		fmt.Fprintf(&b, "%s\n", n.Text)
		for _, at := range n.At {
			fmt.Fprintf(&b, "  %s\n", at)
		}
		if n.Hint != "" {
			fmt.Fprintf(&b, "  %s\n", n.Hint)
		}
	}
	return b.Bytes()
}

// writer collects sections.
type writer struct {
	files []txtar.File
	err   error
}

func (w *writer) text(name string, text []byte) {
	if len(text) > 0 {
		w.files = append(w.files, txtar.File{Name: name, Data: text})
	}
}

func (w *writer) json(name string, v any) {
	text, err := Indented(v)
	if err != nil && w.err == nil {
		w.err = err
	}
	w.text(name, text)
}

// Indented encodes a value as the JSON of sections.
func Indented(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(v)
	return b.Bytes(), err
}

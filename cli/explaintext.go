package cli

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/nixpacks-cue/nixpacks/engine/catalog"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// text formats all values as a table.
func (e *explanation) text(h *Host) []byte {
	w := newTable(h)
	candidateRows(w, "providers", e.Providers, true)
	versionRows(w, e.Versions)
	w.section("values")
	for _, v := range e.Values {
		w.row("  "+v.Path, brief(v.Value), v.setBy)
	}
	if w.tooWide() { // three narrow columns are hard to read
		w.rows = nil
		for _, v := range e.Values {
			w.row("  " + v.Path + " = " + brief(v.Value))
			w.row("      " + v.setBy)
		}
	}
	candidateRows(w, "other providers", e.Providers, false)
	return w.text()
}

// candidateRows adds the providers that plan the app, or those that do not.
func candidateRows(w *table, title string, all []candidate, plan bool) {
	w.section(title)
	list := slices.DeleteFunc(slices.Clone(all), func(c candidate) bool { return c.Plans != plan })
	for _, c := range list {
		w.row("  "+c.Name, c.Why)
	}
	if len(list) == 0 {
		w.row("  none")
	}
}

// reasons formats values with everyone who sets them, and why.
func (e *explanation) reasons(h *Host) []byte {
	w := newTable(h)
	for _, v := range e.Values {
		w.section(v.Path + " = " + compact(v.Value))
		for _, s := range v.Said {
			w.row("  " + setBy(s.At, s.At.File != "") + " sets " + compact(s.Value))
			basisRows(w, s.Rests)
		}
		if len(v.Said) == 0 {
			w.row("  not set: this is the default")
		}
	}
	return w.text()
}

// basisRows adds the facts that a value rests on: those that were found, and what was not found.
func basisRows(w *table, rests []catalog.Basis) {
	title := "    based on   "
	for _, r := range rests {
		if r.Found {
			w.row(title+basisName(r), finding(r), places(r.At))
			title = strings.Repeat(" ", len(title))
		}
	}
	w.list("    not found  ", absent(rests))
}

// basisName returns what a fact asks for, and which key of it counts.
func basisName(r catalog.Basis) string {
	if len(r.Key) == 0 {
		return r.Asks
	}
	return strings.Join(r.Key, ".") + " in " + r.Asks
}

// finding returns what was found; "" if the fact only is that something exists.
func finding(r catalog.Basis) string {
	if r.Value == nil {
		return ""
	}
	return brief(r.Value)
}

// absent returns what was looked for and not found.
func absent(rests []catalog.Basis) (out []string) {
	for _, r := range rests {
		if name := basisName(r); !r.Found && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// setBy says in words who set a value.
func setBy(at fault.Pos, known bool) string {
	switch {
	case !known:
		return "default"
	case at.Label != "":
		return at.Label + " (" + at.String() + ")"
	}
	return at.String()
}

// widest is the maximum length of a displayed value, in characters.
const widest = 60

// brief formats a value as JSON, cut to fit a line.
func brief(v any) string {
	text := []rune(compact(v))
	if len(text) > widest {
		return string(text[:widest-1]) + "…"
	}
	return string(text)
}

// compact formats a value as JSON on one line.
func compact(v any) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(fault.VisibleJSON(b.Bytes())))
}

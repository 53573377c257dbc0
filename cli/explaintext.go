package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"unicode/utf8"

	"github.com/nixpacks-cue/nixpacks/engine/catalog"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// text is a table of all values.
func (e *explanation) text() []byte {
	var b bytes.Buffer
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	candidateRows(w, "providers", e.Providers, true)
	versionRows(w, e.Versions)
	section(w, "values")
	for _, v := range e.Values {
		row(w, "  "+v.Path, brief(v.Value), v.setBy)
	}
	candidateRows(w, "other providers", e.Providers, false)
	w.Flush()
	return trimLines(bytes.TrimLeft(b.Bytes(), "\n"))
}

// candidateRows are the providers that plan the app, or those that do not.
func candidateRows(w *tabwriter.Writer, title string, all []candidate, plan bool) {
	section(w, title)
	list := slices.DeleteFunc(slices.Clone(all), func(c candidate) bool { return c.Plans != plan })
	for _, c := range list {
		row(w, "  "+c.Name, c.Why)
	}
	if len(list) == 0 {
		row(w, "  none")
	}
}

// reasons are values with everybody who has a say on them, and why.
func (e *explanation) reasons() []byte {
	var b bytes.Buffer
	for i, v := range e.Values {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "%s = %s\n", v.Path, compact(v.Value))
		for _, s := range v.Said {
			fmt.Fprintf(&b, "  %s says %s\n", setBy(s.At, s.At.File != ""), compact(s.Value))
			basisRows(&b, s.Rests)
		}
		if len(v.Said) == 0 {
			b.WriteString("  nobody says so: it is the default\n")
		}
	}
	return b.Bytes()
}

// basisRows are the facts that somebody says something for: those that were found, and in one line what was not.
func basisRows(b *bytes.Buffer, rests []catalog.Basis) {
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	title := "    because of  "
	for _, r := range rests {
		if r.Found {
			row(w, title+basisName(r), finding(r), places(r.At))
			title = strings.Repeat(" ", len(title))
		}
	}
	w.Flush()
	if none := absent(rests); len(none) > 0 {
		b.WriteString(wrapped("    for want of  ", none, ", "))
	}
}

// lineWidth is how wide lists are printed, in characters.
const lineWidth = 120

// wrapped is a list behind a title, broken into lines below one another.
func wrapped(title string, list []string, between string) string {
	var b strings.Builder
	b.WriteString(title)
	width := len(title)
	for i, s := range list {
		if s = oneLine(s); i < len(list)-1 {
			s += strings.TrimSpace(between)
		}
		if n := utf8.RuneCountInString(s) + 1; width+n > lineWidth && width > len(title) {
			b.WriteString("\n" + strings.Repeat(" ", len(title)))
			width = len(title) + n
		} else if i > 0 {
			b.WriteByte(' ')
			width += n
		} else {
			width += n
		}
		b.WriteString(s)
	}
	return b.String() + "\n"
}

// basisName is what a fact asks for, and what of it counts.
func basisName(r catalog.Basis) string {
	if len(r.Key) == 0 {
		return r.Asks
	}
	return strings.Join(r.Key, ".") + " in " + r.Asks
}

// finding is what was found, "" where it is that something is there.
func finding(r catalog.Basis) string {
	if r.Value == nil {
		return ""
	}
	return brief(r.Value)
}

// absent is what was looked for and is not there.
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

// widest is how much of a value is shown, in characters.
const widest = 60

// brief is a value as JSON, cut to fit a line.
func brief(v any) string {
	text := []rune(compact(v))
	if len(text) > widest {
		return string(text[:widest-1]) + "…"
	}
	return string(text)
}

// compact is a value on one line.
func compact(v any) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err.Error()
	}
	return strings.TrimSpace(b.String())
}

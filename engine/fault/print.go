package fault

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"syscall"
	"unicode/utf8"
)

// Print writes err for humans:
//
//	error: unknown field "buildd" in phases
//	  nixpacks.cue:3:9
//	    phases: buildd: cmds: ["make"]
//	            ^
//	  did you mean "build"?
//
// With verbose, each fault is followed by its cause. Text from untrusted files is escaped with Visible.
func Print(w io.Writer, err error, verbose bool) {
	var b strings.Builder
	for _, f := range All(err) {
		printOne(&b, f, verbose)
	}
	io.WriteString(w, b.String())
}

func printOne(b *strings.Builder, f *Fault, verbose bool) {
	b.WriteString("error: " + Visible(shortened(f.Msg)) + "\n")
	for i, p := range f.At {
		b.WriteString("  " + Visible(p.String()))
		if p.Label != "" {
			b.WriteString(" (" + Visible(p.Label) + ")")
		}
		b.WriteString("\n")
		if i == 0 && f.Source != "" {
			caret(b, f.Source, p.Col)
		}
	}
	indent(b, f.Detail)
	indent(b, f.Hint)
	indent(b, f.reason(verbose))
	if verbose && f.Err != nil {
		indent(b, "cause: "+f.Err.Error())
	}
}

// reason returns the system error, if there is no hint or detail and the cause is not printed.
func (f *Fault) reason(verbose bool) string {
	var errno syscall.Errno
	if verbose || f.Hint+f.Detail != "" || !errors.As(f.Err, &errno) || strings.Contains(f.Msg, errno.Error()) {
		return ""
	}
	return errno.Error()
}

// maxMessage limits the printed message, in bytes. File names from untrusted apps can be megabytes long.
const maxMessage = 4096

// shortened cuts the middle out of a long message.
func shortened(s string) string {
	if len(s) <= maxMessage {
		return s
	}
	return strings.ToValidUTF8(s[:maxMessage/2], "") + " … " + strings.ToValidUTF8(s[len(s)-maxMessage/2:], "")
}

// maxSource limits the printed source line, in bytes. A JSON plan may be a single long line.
const maxSource = 160

// caret prints the source line, keeping tabs, with a caret under column col.
func caret(b *strings.Builder, source string, col int) {
	source, col = window(source, col)
	b.WriteString("    " + Visible(source) + "\n")
	if col < 1 || col > len(source)+1 {
		return
	}
	pad := strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, Visible(source[:col-1]))
	b.WriteString("    " + pad + "^\n")
}

// window cuts a long line down to the part around column col. It returns the part and the column within it.
func window(source string, col int) (string, int) {
	if len(source) <= maxSource {
		return source, col
	}
	from := min(max(col-1-maxSource/2, 0), len(source))
	to := min(from+maxSource, len(source))
	for ; from > 0 && !utf8.RuneStart(source[from]); from-- {
	}
	for ; to < len(source) && !utf8.RuneStart(source[to]); to++ {
	}
	return source[from:to], col - from
}

func indent(b *strings.Builder, text string) {
	if text == "" {
		return
	}
	for l := range strings.Lines(strings.TrimRight(text, "\n") + "\n") {
		b.WriteString("  " + Visible(l))
	}
}

// line returns line n (1-based) of text, without the line ending.
func line(text []byte, n int) string {
	for l := range strings.Lines(string(text)) {
		if n--; n == 0 {
			return strings.TrimRight(l, "\r\n")
		}
	}
	return ""
}

type jsonFault struct {
	Code    Code   `json:"code"`
	Message string `json:"message"`
	At      []Pos  `json:"at,omitempty"`
	Hint    string `json:"hint,omitempty"`
	Detail  string `json:"detail,omitempty"`
	Cause   string `json:"cause,omitempty"`
}

// PrintJSON writes err as {"errors": [{code, message, at, hint, detail, cause}]} on one line. The output contains no
// terminal escape sequences.
func PrintJSON(w io.Writer, err error) error {
	out := []jsonFault{}
	for _, f := range All(err) {
		j := jsonFault{Code: f.Code, Message: f.Msg, At: f.At, Hint: f.Hint, Detail: f.Detail}
		if f.Err != nil {
			j.Cause = f.Err.Error()
		}
		out = append(out, j)
	}
	doc, err := json.Marshal(map[string]any{"errors": out})
	if err == nil {
		_, err = w.Write(append(VisibleJSON(doc), '\n'))
	}
	return err
}

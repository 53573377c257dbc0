package progress

import (
	"slices"
	"strings"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

const (
	tailLines = 20   // lines of a failed step's output in a fault
	tailWidth = 2000 // bytes per line
)

// tail keeps the last lines of a stream.
type tail struct {
	lines []string
	open  bool // the last line has no newline yet
}

// Write appends a piece of the stream. Of a line that is rewritten with carriage returns, such as a progress bar, it
// keeps the last version.
func (t *tail) Write(p []byte) {
	for l := range strings.Lines(string(p)) {
		text, ended := strings.CutSuffix(l, "\n")
		if t.open {
			text = t.lines[len(t.lines)-1] + text
			t.lines = t.lines[:len(t.lines)-1]
		}
		if i := strings.LastIndexByte(strings.TrimRight(text, "\r"), '\r'); i >= 0 {
			text = text[i+1:]
		}
		if n := len(text) - tailWidth; n > 0 {
			text = text[n:]
		}
		t.lines = append(t.lines, text)
		t.open = !ended
	}
	if n := len(t.lines) - tailLines; n > 0 {
		t.lines = slices.Delete(t.lines, 0, n)
	}
}

// String returns the lines without escape sequences.
func (t *tail) String() string {
	if t == nil {
		return ""
	}
	out := make([]string, len(t.lines))
	for i, l := range t.lines {
		out[i] = strings.TrimRight(fault.Plain(l), " \t")
	}
	return strings.Trim(strings.Join(out, "\n"), "\n")
}

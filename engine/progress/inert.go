package progress

import (
	"slices"
	"strings"

	"github.com/moby/buildkit/client"
	"github.com/opencontainers/go-digest"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// inert neutralises the escape sequences in an app's build output, so that the app's author cannot control the user's
// terminal. Step names and statuses are escaped with fault.Visible; step output keeps only colour sequences. The tty
// display draws its own terminal for step output and obeys no other sequences, so it gets that output unchanged.
type inert struct {
	output  bool // also filter step output
	streams map[stream]*colours
}

// status returns a copy of s that is safe to print.
func (n *inert) status(s *client.SolveStatus) *client.SolveStatus {
	out := *s
	out.Vertexes, out.Statuses, out.Logs, out.Warnings = slices.Clone(s.Vertexes), slices.Clone(s.Statuses), slices.Clone(s.Logs), slices.Clone(s.Warnings)
	for i, v := range out.Vertexes {
		shown := *v
		shown.Name, shown.Error = oneVisible(v.Name), fault.Visible(v.Error)
		out.Vertexes[i] = &shown
	}
	for i, p := range out.Statuses {
		shown := *p
		shown.ID, shown.Name = oneVisible(p.ID), oneVisible(p.Name)
		out.Statuses[i] = &shown
	}
	for i, w := range out.Warnings {
		shown := *w
		shown.Short = []byte(oneVisible(string(w.Short)))
		out.Warnings[i] = &shown
	}
	for i, l := range out.Logs {
		if n.output {
			shown := *l
			shown.Data = n.of(l.Vertex, l.Stream).filter(l.Data)
			out.Logs[i] = &shown
		}
	}
	return &out
}

func (n *inert) of(vertex digest.Digest, number int) *colours {
	key := stream{vertex, number}
	if n.streams[key] == nil {
		n.streams[key] = &colours{}
	}
	return n.streams[key]
}

func oneVisible(s string) string {
	return fault.Visible(strings.NewReplacer("\n", `\n`, "\t", " ").Replace(s))
}

// colours filters a stream that arrives in pieces. It keeps only escape sequences that set colours (ESC [ … m).
type colours struct {
	reading int    // parser state, one of the constants below
	begun   []byte // the sequence read so far
}

const (
	asText      = iota
	afterEscape // ESC
	inSequence  // ESC [
	inText      // ESC ] and similar, up to BEL or ESC \
	afterC2     // first UTF-8 byte of a C1 control character
)

// longest is the maximum length of a sequence. After that, the input is text again.
const longest = 64

func (c *colours) filter(data []byte) []byte {
	out := make([]byte, 0, len(data))
	for _, b := range data {
		out = c.next(out, b)
	}
	return out
}

// next appends to out what is left after one more byte.
func (c *colours) next(out []byte, b byte) []byte {
	if c.reading == afterC2 {
		c.reading = asText
		switch {
		case b == 0x9b:
			c.begin(inSequence)
			return out
		case b == 0x90 || b == 0x98 || b >= 0x9d && b <= 0x9f:
			c.begin(inText)
			return out
		case b >= 0x80 && b < 0xa0:
			return out
		}
		out = append(out, 0xc2)
	}
	switch {
	case b == '\n' || b == '\r': // ends any unfinished sequence
		c.reading = asText
		return append(out, b)
	case b == 0x1b:
		c.begin(afterEscape)
		return out
	}
	switch c.reading {
	case afterEscape:
		c.escaped(b)
	case inSequence:
		return c.sequence(out, b)
	case inText:
		if c.begun = append(c.begun, b); b == 0x07 || len(c.begun) > 64*longest {
			c.reading = asText
		}
	default:
		switch {
		case b == 0xc2:
			c.reading = afterC2
		case b >= 0x20 && b != 0x7f || b == '\t':
			return append(out, b)
		}
	}
	return out
}

func (c *colours) begin(state int) { c.reading, c.begun = state, c.begun[:0] }

// escaped handles the byte after ESC.
func (c *colours) escaped(b byte) {
	switch {
	case b == '[':
		c.begin(inSequence)
	case strings.IndexByte("]PX^_", b) >= 0:
		c.begin(inText)
	case b < 0x20 || b > 0x2f: // other bytes continue the sequence
		c.reading = asText
	}
}

// sequence handles a byte after ESC [.
func (c *colours) sequence(out []byte, b byte) []byte {
	if c.begun = append(c.begun, b); b < 0x40 && len(c.begun) <= longest {
		return out
	}
	c.reading = asText
	if b != 'm' || strings.Trim(string(c.begun), "0123456789;:") != "m" {
		return out
	}
	return append(append(out, 0x1b, '['), c.begun...)
}

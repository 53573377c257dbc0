package progress

import (
	"bytes"
	"slices"

	"github.com/moby/buildkit/client"
	"github.com/opencontainers/go-digest"

	"github.com/nixpacks-cue/nixpacks/engine/lazy"
)

// masked replaces secret values.
const masked = "***"

// The minimum length of masked values, and of masked lines of multi-line values, in bytes. Shorter values have little to
// hide, and masking them everywhere would make the output unreadable.
const (
	leastMasked = 4
	leastLine   = 8
)

// masker masks secret values in the output of a build. A step may print a value in pieces: the masker holds back output
// that may be the beginning of a value until the rest arrives.
type masker struct {
	values [][]byte // longest first, since one may be part of another
	held   map[stream]*client.VertexLog
}

type stream struct {
	vertex digest.Digest
	number int
}

func newMasker(values ...[]byte) *masker {
	m := &masker{held: map[stream]*client.VertexLog{}}
	for _, v := range values {
		if v = bytes.TrimSpace(v); len(v) >= leastMasked {
			m.values = append(m.values, v)
		}
		for l := range bytes.Lines(v) {
			m.parts(bytes.TrimSpace(l))
		}
	}
	slices.SortStableFunc(m.values, func(a, b []byte) int { return len(b) - len(a) })
	return m
}

// address matches a URL without a password, or a host name. Configuration files contain such addresses next to secrets,
// and users need them to find out what went wrong.
var address = lazy.Regexp(`^(https?://[^@]*|[a-z0-9-]+(\.[a-z0-9-]+)+(:\d+)?/?)$`)

// quoted matches a quoted string, and a following ":" or "=" which makes it a key.
var quoted = lazy.Regexp(`"([^"\\]+)"(\s*(?::|=))?`)

// parts adds a line of a value, and the parts of it that may be the secret itself in a configuration file: the text after
// "=", the last word, the text of an XML element, and quoted strings that are not keys.
func (m *masker) parts(line []byte) {
	_, behind, _ := bytes.Cut(line, []byte("="))
	last := line[bytes.LastIndexAny(line, " \t")+1:]
	_, text, _ := bytes.Cut(line, []byte(">"))
	text, _, _ = bytes.Cut(text, []byte("<"))
	parts := [][]byte{line, bytes.Trim(behind, ` "'`), last, text}
	for _, q := range quoted().FindAllSubmatch(line, -1) {
		if len(q[2]) == 0 {
			parts = append(parts, q[1])
		}
	}
	for _, part := range parts {
		if len(part) >= leastLine && !address().Match(part) {
			m.values = append(m.values, part)
		}
	}
}

// status returns s with masked values.
func (m *masker) status(s *client.SolveStatus) *client.SolveStatus {
	if len(m.values) == 0 {
		return s
	}
	out := *s
	out.Logs = nil
	for _, l := range s.Logs {
		if l = m.log(l); len(l.Data) > 0 {
			out.Logs = append(out.Logs, l)
		}
	}
	out.Vertexes = slices.Clone(s.Vertexes)
	for i, v := range out.Vertexes {
		if v.Error != "" {
			shown := *v
			shown.Error = string(m.text([]byte(v.Error)))
			out.Vertexes[i] = &shown
		}
		if v.Completed != nil {
			out.Logs = append(out.Logs, m.rest(v.Digest)...)
		}
	}
	return &out
}

// log returns the part of a step's next output that can be shown.
func (m *masker) log(l *client.VertexLog) *client.VertexLog {
	key := stream{l.Vertex, l.Stream}
	out := *l
	if before := m.held[key]; before != nil {
		out.Data = slices.Concat(before.Data, l.Data)
		delete(m.held, key)
	}
	out.Data = m.text(out.Data)
	if n := m.begun(out.Data); n > 0 {
		waits := out
		waits.Data = bytes.Clone(out.Data[len(out.Data)-n:])
		m.held[key], out.Data = &waits, out.Data[:len(out.Data)-n]
	}
	return &out
}

// rest returns the output that was held back for a finished step.
func (m *masker) rest(vertex digest.Digest) []*client.VertexLog {
	var out []*client.VertexLog
	for _, number := range []int{1, 2} {
		key := stream{vertex, number}
		if l := m.held[key]; l != nil {
			out = append(out, l)
			delete(m.held, key)
		}
	}
	return out
}

// text returns data with masked values.
func (m *masker) text(data []byte) []byte {
	for _, v := range m.values {
		data = bytes.ReplaceAll(data, v, []byte(masked))
	}
	return data
}

// begun returns the number of bytes at the end of data that may be the beginning of a value.
func (m *masker) begun(data []byte) int {
	most := 0
	for _, v := range m.values {
		for n := min(len(v)-1, len(data)); n > most; n-- {
			if bytes.HasSuffix(data, v[:n]) {
				most = n
			}
		}
	}
	return most
}

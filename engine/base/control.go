package base

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strings"
)

// maxLine is the maximum length in bytes of a line in a control file. Debian's longest lines have some tens of kilobytes.
const maxLine = 1 << 20

// stanza is one paragraph of a Debian control file, with lower-case field names. Lines of a folded or
// multi-line field are joined by newlines and not indented.
type stanza map[string]string

// controlReader parses paragraphs and keeps only some of their fields.
type controlReader struct {
	keep  map[string]bool // nil keeps all
	cur   stanza
	field string // the field that a continuation line belongs to; "" if it is not kept
}

// readControl calls fn for each paragraph of r with only the fields in keep, or all fields if keep is empty.
func readControl(r io.Reader, fn func(stanza) error, keep ...string) error {
	c := &controlReader{cur: stanza{}}
	if len(keep) > 0 {
		c.keep = map[string]bool{}
		for _, k := range keep {
			c.keep[k] = true
		}
	}
	sc := bufio.NewScanner(r)
	sc.Buffer(make([]byte, 0, 64<<10), maxLine)
	n := 0
	for sc.Scan() {
		n++
		line := sc.Bytes()
		if len(bytes.TrimSpace(line)) > 0 {
			if !c.line(line) {
				return fmt.Errorf("line %d is not a field: %.60q", n, line)
			}
			continue
		}
		if err := c.flush(fn); err != nil {
			return err
		}
	}
	if err := sc.Err(); err != nil {
		return fmt.Errorf("line %d: %w", n+1, err)
	}
	return c.flush(fn)
}

// line parses a non-empty line and reports whether it is valid.
func (c *controlReader) line(line []byte) bool {
	switch line[0] {
	case '#':
		return true
	case ' ', '\t':
		if c.field != "" {
			c.cur[c.field] += "\n" + string(bytes.TrimSpace(line))
		}
		return true
	}
	name, value, ok := strings.Cut(string(line), ":")
	c.field = strings.ToLower(name)
	if c.keep != nil && !c.keep[c.field] {
		c.field = ""
		return ok
	}
	c.cur[c.field] = strings.TrimSpace(value)
	return ok
}

func (c *controlReader) flush(fn func(stanza) error) error {
	if len(c.cur) == 0 {
		return nil
	}
	s := c.cur
	c.cur, c.field = stanza{}, ""
	return fn(s)
}

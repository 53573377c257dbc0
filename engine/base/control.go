package base

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// maxLine bounds a line of a control file; Debian's longest are some tens of kilobytes.
const maxLine = 1 << 20

// stanza is one paragraph of a Debian control file: field names in lower case. The lines of a folded or
// multi-line field are joined by newlines, without their indent.
type stanza map[string]string

// readControl calls fn for each paragraph of r, with only the fields that keep lists (all for none).
func readControl(r io.Reader, fn func(stanza) error, keep ...string) error {
	wanted := map[string]bool{}
	for _, k := range keep {
		wanted[k] = true
	}
	sc := bufio.NewScanner(r)
	sc.Buffer(make([]byte, 0, 64<<10), maxLine)
	cur, field, n := stanza{}, "", 0
	flush := func() error {
		if len(cur) == 0 {
			return nil
		}
		s := cur
		cur, field = stanza{}, ""
		return fn(s)
	}
	for sc.Scan() {
		n++
		line := sc.Bytes()
		switch {
		case len(strings.TrimSpace(string(line))) == 0:
			if err := flush(); err != nil {
				return err
			}
		case line[0] == '#':
		case line[0] == ' ' || line[0] == '\t':
			if field != "" {
				cur[field] += "\n" + strings.TrimSpace(string(line))
			}
		default:
			name, value, ok := strings.Cut(string(line), ":")
			if !ok {
				return fmt.Errorf("line %d is no field: %.60q", n, line)
			}
			field = strings.ToLower(name)
			if len(wanted) > 0 && !wanted[field] {
				field = ""
				continue
			}
			cur[field] = strings.TrimSpace(value)
		}
	}
	if err := sc.Err(); err != nil {
		return fmt.Errorf("line %d: %w", n+1, err)
	}
	return flush()
}

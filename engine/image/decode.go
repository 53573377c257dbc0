package image

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// maxElements limits the elements of all lists of one JSON document: entries of an index, layers, steps of the history. It is
// BuildKit's limit for descriptors.
const maxElements = 10_000

// decode parses a JSON document of an image. It refuses one with too many elements before it makes them: an empty descriptor
// is 3 bytes of text, and 200 bytes of memory.
func decode(raw []byte, into any) error {
	if n := elements(raw); n > maxElements {
		return fmt.Errorf("a list has too many elements: %d, and at most %d are allowed", n, maxElements)
	}
	return json.Unmarshal(raw, into)
}

// elements counts the elements of all lists in valid JSON. It takes an empty list for one element.
func elements(raw []byte) int {
	n, text := 0, false
	var open []byte // brackets that are not closed
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case text && c == '\\':
			i++
		case c == '"':
			text = !text
		case text:
		case c == '[' || c == '{':
			open = append(open, c)
			if c == '[' {
				n++
			}
		case c == ']' || c == '}':
			open = open[:max(0, len(open)-1)]
		case c == ',' && len(open) > 0 && open[len(open)-1] == '[':
			n++
		}
	}
	return n
}

// broken returns a Refused fault whose message ends with the cause, which is all that tells what to repair. It returns faults of
// other codes unchanged: nothing is wrong with the image then.
func broken(err error, format string, args ...any) error {
	var f *fault.Fault
	switch {
	case !errors.As(err, &f):
		return fault.New(fault.Refused, format+": %v", append(args, err)...)
	case f.Code != fault.Refused:
		return err
	}
	return fault.New(fault.Refused, format+": %v", append(args, f)...).WithHint("%s", f.Hint)
}

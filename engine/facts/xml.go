package facts

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/nixpacks-cue/nixpacks/engine/app"
)

// parseXMLFile parses an XML file, see parseXML. It ignores the declared encoding and replaces bytes that are not UTF-8:
// names and paths are nearly always ASCII, and other text is not used.
func parseXMLFile(a *app.App, name string) (any, bool, error) {
	data, ok, err := a.Bytes(name)
	if !ok || err != nil {
		return nil, false, err
	}
	if len(data) > MaxValue {
		return nil, false, tooLarge(name)
	}
	text := strings.ToValidUTF8(string(data), "\uFFFD")
	v, err := parseXML(text)
	if err != nil {
		return nil, false, malformed("xml", name, text, err)
	}
	return v, true, nil
}

// element is an element whose end has not been read yet.
type element struct {
	name string
	in   map[string]any
	text strings.Builder
}

// add adds a finished child element. Children of the same name become a list.
func (e *element) add(name string, v any) {
	switch old := e.in[name].(type) {
	case nil:
		e.in[name] = v
	case []any:
		e.in[name] = append(old, v)
	default:
		e.in[name] = []any{old, v}
	}
}

// parseXML maps element names to values. The value of an element without children is its trimmed text, otherwise a map.
// Attributes and namespaces are ignored.
func parseXML(text string) (any, error) {
	d := xml.NewDecoder(strings.NewReader(strings.TrimPrefix(text, "\uFEFF")))
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	open := []*element{{in: map[string]any{}}}
	for values := 0; ; {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, xmlPlace(err)
		}
		last := open[len(open)-1]
		switch t := token.(type) {
		case xml.StartElement:
			if values++; values > maxValues || len(open) > maxDepth {
				return nil, fmt.Errorf("more than %d elements, or nested deeper than %d levels", maxValues, maxDepth)
			}
			open = append(open, &element{name: t.Name.Local, in: map[string]any{}})
		case xml.EndElement:
			open = open[:len(open)-1]
			var v any = last.in
			if len(last.in) == 0 {
				v = strings.TrimSpace(last.text.String())
			}
			open[len(open)-1].add(last.name, v)
		case xml.CharData:
			last.text.Write(t)
		}
	}
	return open[0].in, nil
}

func xmlPlace(err error) error {
	var bad *xml.SyntaxError
	if errors.As(err, &bad) {
		return place{bad.Line, 0, errors.New(bad.Msg)}
	}
	return err
}

package plan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"sort"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// maxDepth is far more than a plan needs. It bounds the recursion on a hostile document.
const maxDepth = 64

// JSON returns the plan as it is printed and saved: indented by two spaces, maps sorted by key, a newline at the end.
// Characters that could act on a terminal are escaped. The same plan always gives the same bytes.
func (p *Plan) JSON() []byte { return encode(p) }

func encode(p any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // commands are full of && and <
	e.SetIndent("", "  ")
	if err := e.Encode(p); err != nil {
		// A Plan holds only strings, lists and maps of strings, which always encode.
		panic(err)
	}
	return fault.VisibleJSON(b.Bytes())
}

// ParseJSON reads a JSON document. Positions name file. Every error, a duplicate key included, is a fault with its
// position.
func ParseJSON(data []byte, file string) (*Node, error) {
	p := &jsonParser{data: data, file: file, lines: lineStarts(data)}
	// Check the whole document first: json.Decoder's token stream accepts some malformed documents.
	if err := json.Unmarshal(data, new(json.RawMessage)); err != nil {
		return nil, p.syntax(err)
	}
	p.dec = json.NewDecoder(bytes.NewReader(data))
	p.dec.UseNumber()
	return p.node(0)
}

type jsonParser struct {
	data  []byte
	file  string
	lines []int
	dec   *json.Decoder
}

func (p *jsonParser) syntax(err error) error {
	at, s := len(p.data), (*json.SyntaxError)(nil)
	if errors.As(err, &s) && int(s.Offset) <= len(p.data) {
		at = max(int(s.Offset)-1, 0)
	}
	if len(bytes.TrimSpace(p.data)) == 0 {
		return fault.New(fault.Refused, "not valid JSON: the document is empty").WithPos(fault.Pos{File: p.file})
	}
	return p.fault(at, "not valid JSON: %v", err)
}

func (p *jsonParser) fault(offset int, format string, args ...any) *fault.Fault {
	return fault.New(fault.Refused, format, args...).WithPos(p.pos(offset)).WithSource(p.data)
}

func (p *jsonParser) pos(offset int) fault.Pos {
	return position(p.file, p.lines, offset)
}

// next returns the offset of the token that the decoder returns next.
func (p *jsonParser) next() int {
	at := int(p.dec.InputOffset())
	for at < len(p.data) && bytes.IndexByte([]byte(" \t\r\n,:"), p.data[at]) >= 0 {
		at++
	}
	return at
}

func (p *jsonParser) node(depth int) (*Node, error) {
	at := p.next()
	if depth > maxDepth {
		return nil, p.fault(at, "nested too deeply")
	}
	tok, err := p.dec.Token()
	if err != nil {
		return nil, p.syntax(err)
	}
	n := &Node{Pos: p.pos(at)}
	switch t := tok.(type) {
	case nil:
		n.Kind = Null
	case bool:
		n.Kind, n.Text = Bool, fmt.Sprint(t)
	case json.Number:
		n.Kind, n.Text = Number, t.String()
	case string:
		n.Kind, n.Text = String, t
	case json.Delim:
		if t == '{' {
			n.Kind = Map
			return n, p.fields(n, depth)
		}
		n.Kind = List
		return n, p.items(n, depth)
	}
	return n, nil
}

func (p *jsonParser) items(n *Node, depth int) error {
	for p.dec.More() {
		item, err := p.node(depth + 1)
		if err != nil {
			return err
		}
		n.Items = append(n.Items, item)
	}
	_, err := p.dec.Token()
	return err
}

func (p *jsonParser) fields(n *Node, depth int) error {
	seen := map[string]bool{}
	for p.dec.More() {
		at := p.next()
		tok, err := p.dec.Token()
		if err != nil {
			return p.syntax(err)
		}
		name := tok.(string) // the grammar allows nothing else here
		if seen[name] {
			return p.fault(at, "%q is given twice", name)
		}
		seen[name] = true
		v, err := p.node(depth + 1)
		if err != nil {
			return err
		}
		n.Fields = append(n.Fields, Field{Name: name, Pos: p.pos(at), Value: v})
	}
	_, err := p.dec.Token()
	return err
}

// lineStarts returns the offset of each line's first byte.
func lineStarts(data []byte) []int {
	starts := []int{0}
	for i, c := range data {
		if c == '\n' {
			starts = append(starts, i+1)
		}
	}
	return starts
}

func position(file string, starts []int, offset int) fault.Pos {
	line := sort.SearchInts(starts, offset+1)
	return fault.Pos{File: file, Line: line, Col: offset - starts[line-1] + 1}
}

package unify

import (
	"bytes"
	"errors"
	"sort"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// parseTOML parses a TOML document and records the position of every value.
func parseTOML(text []byte, file string) (*plan.Node, error) {
	// The decoder refuses what the unstable parser below accepts, such as duplicate keys.
	var whole map[string]any
	if err := toml.Unmarshal(text, &whole); err != nil {
		return nil, tomlFault(err, text, file)
	}
	t := &tomlTree{file: file, root: &plan.Node{Kind: plan.Map, Pos: fault.Pos{File: file}}}
	for i, c := range text {
		if c == '\n' {
			t.ends = append(t.ends, i)
		}
	}
	t.p.Reset(text)
	table := t.root
	for t.p.NextExpression() {
		switch e := t.p.Expression(); e.Kind {
		case unstable.Table:
			table = t.descend(t.root, e.Key(), plan.Map)
		case unstable.ArrayTable:
			table = t.descend(t.root, e.Key(), plan.List)
		case unstable.KeyValue:
			t.keyValue(table, e)
		}
	}
	if err := t.p.Error(); err != nil {
		return nil, tomlFault(err, text, file)
	}
	return t.root, nil
}

func tomlFault(err error, text []byte, file string) error {
	f := fault.New(fault.Refused, "not valid TOML: %s", trimToml(err)).WithPos(fault.Pos{File: file})
	if d := (*toml.DecodeError)(nil); errors.As(err, &d) {
		f.At[0].Line, f.At[0].Col = d.Position()
	}
	return f.WithSource(text)
}

func trimToml(err error) string {
	return string(bytes.TrimPrefix([]byte(err.Error()), []byte("toml: ")))
}

type tomlTree struct {
	p    unstable.Parser
	file string
	ends []int // offsets of line ends
	root *plan.Node
}

func (t *tomlTree) pos(offset int) fault.Pos {
	line := sort.SearchInts(t.ends, offset)
	start := 0
	if line > 0 {
		start = t.ends[line-1] + 1
	}
	return fault.Pos{File: t.file, Line: line + 1, Col: offset - start + 1}
}

// descend follows a table's key from n and creates missing nodes. The last node is a map, or a new map
// appended to a list.
func (t *tomlTree) descend(n *plan.Node, key unstable.Iterator, last plan.Kind) *plan.Node {
	for key.Next() {
		kind := plan.Map
		if key.IsLast() {
			kind = last
		}
		next := t.child(n, key.Node(), kind)
		if next.Kind == plan.List {
			if key.IsLast() || len(next.Items) == 0 {
				next.Items = append(next.Items, &plan.Node{Kind: plan.Map, Pos: next.Pos})
			}
			next = next.Items[len(next.Items)-1]
		}
		n = next
	}
	return n
}

// child returns n's field for one part of a key and creates it if needed.
func (t *tomlTree) child(n *plan.Node, k *unstable.Node, kind plan.Kind) *plan.Node {
	name, at := string(k.Data), t.pos(int(k.Raw.Offset))
	if n.Get(name) == nil {
		n.Fields = append(n.Fields, plan.Field{Name: name, Pos: at, Value: &plan.Node{Kind: kind, Pos: at}})
	}
	return n.Get(name)
}

// keyValue adds a (possibly dotted) key and its value to n.
func (t *tomlTree) keyValue(n *plan.Node, e *unstable.Node) {
	for key := e.Key(); key.Next(); {
		if !key.IsLast() {
			n = t.child(n, key.Node(), plan.Map)
			continue
		}
		at := t.pos(int(key.Node().Raw.Offset))
		n.Fields = append(n.Fields, plan.Field{Name: string(key.Node().Data), Pos: at, Value: t.value(e.Value(), at)})
	}
}

// value converts a value. The parser gives no position for an array, so an array gets the position of its key.
func (t *tomlTree) value(v *unstable.Node, at fault.Pos) *plan.Node {
	if v.Raw.Length > 0 {
		at = t.pos(int(v.Raw.Offset))
	}
	n := &plan.Node{Kind: plan.Number, Pos: at, Text: string(v.Data)}
	switch v.Kind {
	case unstable.String:
		n.Kind = plan.String
	case unstable.Bool:
		n.Kind = plan.Bool
	case unstable.Array:
		n.Kind = plan.List
		for it := v.Children(); it.Next(); {
			n.Items = append(n.Items, t.value(it.Node(), at))
		}
	case unstable.InlineTable:
		n.Kind = plan.Map
		for it := v.Children(); it.Next(); {
			t.keyValue(n, it.Node())
		}
	}
	return n
}

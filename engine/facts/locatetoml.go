package facts

import (
	"slices"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"

	"github.com/nixpacks-cue/nixpacks/engine/app"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// locateTOML finds the value at path, or its nearest existing ancestor. In TOML the keys of a table may be spread over the file.
func locateTOML(name, text string, path []string) fault.Pos {
	var p unstable.Parser
	p.Reset([]byte(text))
	t := tomlPlaces{path: path, lists: map[string]int{}, at: -1}
	for p.NextExpression() {
		switch e := p.Expression(); e.Kind {
		case unstable.Table, unstable.ArrayTable:
			t.header(e)
		case unstable.KeyValue:
			t.keyValue(t.table, e)
		}
	}
	if t.at < 0 {
		return fault.Pos{File: name}
	}
	return app.PosAt(name, text, t.at)
}

// tomlPlaces searches a document for the longest existing prefix of path.
type tomlPlaces struct {
	path  []string
	table []string       // the current table
	lists map[string]int // the number of elements so far, by array of tables
	found int            // how many keys of path lead to at
	at    int
}

func (t *tomlPlaces) header(e *unstable.Node) {
	t.table = nil
	for key := e.Key(); key.Next(); {
		t.table = append(t.table, string(key.Node().Data))
		id := strings.Join(t.table, "\x00")
		if key.IsLast() && e.Kind == unstable.ArrayTable {
			t.lists[id]++
		}
		if n := t.lists[id]; n > 0 {
			t.table = append(t.table, strconv.Itoa(n-1))
		}
		t.see(t.table, key.Node())
	}
}

func (t *tomlPlaces) keyValue(in []string, e *unstable.Node) {
	full := slices.Clone(in)
	for key := e.Key(); key.Next(); {
		full = append(full, string(key.Node().Data))
		t.see(full, key.Node())
	}
	t.value(full, e.Value())
}

func (t *tomlPlaces) value(full []string, v *unstable.Node) {
	if v.Raw.Length > 0 {
		t.see(full, v)
	}
	children := v.Children()
	for i := 0; children.Next(); i++ {
		switch {
		case v.Kind == unstable.InlineTable:
			t.keyValue(full, children.Node())
		case v.Kind == unstable.Array:
			t.value(append(full[:len(full):len(full)], strconv.Itoa(i)), children.Node())
		}
	}
}

// see records the position of full if full is a prefix of path and at least as long as the best match so far.
func (t *tomlPlaces) see(full []string, n *unstable.Node) {
	if len(full) >= t.found && len(full) <= len(t.path) && slices.Equal(full, t.path[:len(full)]) {
		t.found, t.at = len(full), int(n.Raw.Offset)
	}
}

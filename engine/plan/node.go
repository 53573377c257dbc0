package plan

import (
	"strconv"
	"strings"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// Kind is the kind of a Node.
type Kind int

// The kinds. Number is every number, date and time that a document can hold.
const (
	Null Kind = iota
	Bool
	Number
	String
	List
	Map
)

// String is the kind in words, as messages use it.
func (k Kind) String() string {
	return [...]string{"null", "a boolean", "a number", "a string", "a list", "a map"}[k]
}

// Node is a value of a document (JSON, TOML, CUE) with its place, so that whatever is wrong with it can
// be said where the user wrote it.
type Node struct {
	Kind   Kind
	Pos    fault.Pos
	Text   string  // of a String its value, of a Bool or Number how it is written
	Items  []*Node // of a List
	Fields []Field // of a Map, in the document's order
}

// Field is a field of a Map.
type Field struct {
	Name  string
	Pos   fault.Pos // of the name
	Value *Node
}

// Get is the value of the last field called name, or nil.
func (n *Node) Get(name string) *Node {
	if n == nil {
		return nil
	}
	for i := len(n.Fields) - 1; i >= 0; i-- {
		if n.Fields[i].Name == name {
			return n.Fields[i].Value
		}
	}
	return nil
}

// item is the element of a List at an index, or nil.
func (n *Node) item(index string) *Node {
	if i, err := strconv.Atoi(index); err == nil && i >= 0 && i < len(n.Items) {
		return n.Items[i]
	}
	return nil
}

// Path is a path as messages show it: phases."python:install".cmds.
func Path(names ...string) string {
	var b strings.Builder
	for i, n := range names {
		if i > 0 {
			b.WriteByte('.')
		}
		if plain(n) {
			b.WriteString(n)
		} else {
			b.WriteString(strconv.Quote(n))
		}
	}
	return b.String()
}

func plain(name string) bool {
	for i, r := range name {
		letter := r == '_' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		if !letter && (i == 0 || r != '-' && (r < '0' || r > '9')) {
			return false
		}
	}
	return name != ""
}

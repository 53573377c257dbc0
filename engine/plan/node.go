package plan

import (
	"strconv"
	"strings"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// Kind is the kind of a Node.
type Kind int

// The kinds. Number covers every number, date and time that a document can hold.
const (
	Null Kind = iota
	Bool
	Number
	String
	List
	Map
)

// String returns the kind as messages name it.
func (k Kind) String() string {
	return [...]string{"null", "a boolean", "a number", "a string", "a list", "a map"}[k]
}

// Node is a value of a document (JSON, TOML, CUE) with its position, so that faults can point at it.
type Node struct {
	Kind   Kind
	Pos    fault.Pos
	Text   string  // the value of a String, the spelling of a Bool or Number
	Items  []*Node // of a List
	Fields []Field // of a Map, in the document's order
}

// Field is a field of a Map.
type Field struct {
	Name  string
	Pos   fault.Pos // of the name
	Value *Node
}

// Get returns the value of the last field called name, or nil.
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

// item returns the element of a List at an index, or nil.
func (n *Node) item(index string) *Node {
	if i, err := strconv.Atoi(index); err == nil && i >= 0 && i < len(n.Items) {
		return n.Items[i]
	}
	return nil
}

// Path formats a path for messages: phases."python:install".cmds.
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

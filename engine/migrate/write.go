package migrate

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/format"
	"cuelang.org/go/cue/literal"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// maxLine is the maximum length of a list in bytes on one line. A longer list has one element per line.
const maxLine = 100

// node is a value in the written file: a struct, or the text of another value.
type node struct {
	name   string
	fields []*node
	value  string
	above  []string
	line   string
}

// child returns the field called name and creates it if needed.
func (n *node) child(name string) *node {
	for _, f := range n.fields {
		if f.name == name {
			return f
		}
	}
	n.fields = append(n.fields, &node{name: name})
	return n.fields[len(n.fields)-1]
}

func (n *node) at(path []string) *node {
	for _, name := range path {
		n = n.child(name)
	}
	return n
}

// comment sets the comments of the node at path and of its fields.
func (n *node) comment(placed beside, path []string) {
	key := plan.Path(path...)
	n.above, n.line = placed.above[key], placed.line[key]
	if len(n.fields) > 0 && n.line != "" { // a line comment can only follow a single value
		n.above, n.line = append(n.above, n.line), ""
	}
	for _, f := range n.fields {
		f.comment(placed, append(path[:len(path):len(path)], f.name))
	}
}

// text formats the draft as CUE, like `cue fmt`.
func (d *draft) text(from []string) ([]byte, error) {
	placed := d.place()
	root := &node{}
	for _, l := range d.ordered() {
		root.at(l.Path).value = d.value(l, placed)
	}
	for _, name := range slices.Sorted(maps.Keys(d.plan.Phases)) {
		root.at([]string{"phases", name})
	}
	for _, path := range d.deleted {
		root.at(path).value = "null"
	}
	if d.plan.Start != nil {
		root.at([]string{"start"})
	}
	root.comment(placed, nil)
	var b bytes.Buffer
	if len(from) > 0 {
		fmt.Fprintf(&b, "// From %s, by nixpacks migrate.\n\n", strings.Join(from, " and "))
	}
	for _, f := range root.fields {
		f.write(&b)
	}
	if len(placed.end) > 0 {
		b.WriteByte('\n')
	}
	comments(&b, placed.end)
	out, err := format.Source(b.Bytes())
	return append(bytes.TrimRight(out, "\n"), '\n'), fault.Wrap(fault.Bug, err, "cannot write CUE")
}

// ordered returns the draft's values: the parts of a plan in their order, and the values of each part in the order of the
// source file.
func (d *draft) ordered() []plan.Leaf {
	leaves := d.plan.Leaves()
	top := map[string]int{}
	for i, l := range leaves {
		if _, ok := top[l.Path[0]]; !ok {
			top[l.Path[0]] = i
		}
	}
	slices.SortStableFunc(leaves, func(a, b plan.Leaf) int {
		p, q := d.at[plan.Path(a.Path...)], d.at[plan.Path(b.Path...)]
		return cmp.Or(top[a.Path[0]]-top[b.Path[0]], p.Line-q.Line, p.Col-q.Col)
	})
	return leaves
}

// write writes a field. A struct with a single field shares its line.
func (n *node) write(b *bytes.Buffer) {
	comments(b, n.above)
	for {
		b.WriteString(label(n.name) + ": ")
		if len(n.fields) != 1 || len(n.fields[0].above) > 0 {
			break
		}
		n = n.fields[0]
	}
	if n.value != "" {
		b.WriteString(n.value)
	} else {
		b.WriteString("{\n")
		for _, f := range n.fields {
			f.write(b)
		}
		b.WriteString("}")
	}
	if n.line != "" {
		b.WriteString(" // " + n.line)
	}
	b.WriteString("\n")
}

func comments(b *bytes.Buffer, lines []string) {
	for _, l := range lines {
		b.WriteString(strings.TrimRight("// "+l, " ") + "\n")
	}
}

func label(name string) string {
	if ast.StringLabelNeedsQuoting(name) {
		return literal.String.Quote(name)
	}
	return name
}

// value formats a string or a list of strings as CUE.
func (d *draft) value(l plan.Leaf, placed beside) string {
	list, ok := l.Value.([]string)
	if !ok {
		return literal.String.WithOptionalTabIndent(len(l.Path)).Quote(l.Value.(string))
	}
	var elems []string
	tall := false
	for i, s := range list {
		if plan.Marker(s) {
			s = "..."
		}
		key := elementKey(l.Path, i)
		e := literal.String.Quote(s)
		tall = tall || len(placed.above[key]) > 0 || placed.line[key] != ""
		elems = append(elems, e)
	}
	if line := "[" + strings.Join(elems, ", ") + "]"; !tall && (len(line) <= maxLine || len(list) == 1) {
		return line
	}
	var b bytes.Buffer
	b.WriteString("[\n")
	for i, e := range elems {
		key := elementKey(l.Path, i)
		comments(&b, placed.above[key])
		b.WriteString(e + ",")
		if c := placed.line[key]; c != "" {
			b.WriteString(" // " + c)
		}
		b.WriteString("\n")
	}
	b.WriteString("]")
	return b.String()
}

// elementKey returns the key of an element of the list at path.
func elementKey(path []string, i int) string { return plan.Path(path...) + "[" + strconv.Itoa(i) + "]" }

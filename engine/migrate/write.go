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

// maxLine is how long a list may become before each of its elements has a line of its own, in bytes.
const maxLine = 100

// node is a value of the file that is written: a struct, or the text of something else.
type node struct {
	name   string
	fields []*node
	value  string
	above  []string
	line   string
}

// child is the field called name, made where it is not there.
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

// comment gives the node at path, and those in it, their comments.
func (n *node) comment(said beside, path []string) {
	key := plan.Path(path...)
	n.above, n.line = said.above[key], said.line[key]
	if len(n.fields) > 0 && n.line != "" { // which is written behind one value
		n.above, n.line = append(n.above, n.line), ""
	}
	for _, f := range n.fields {
		f.comment(said, append(path[:len(path):len(path)], f.name))
	}
}

// text is the draft as CUE, in the form that `cue fmt` gives it.
func (d *draft) text(from []string) ([]byte, error) {
	said := d.place()
	root := &node{}
	for _, l := range d.ordered() {
		root.at(l.Path).value = d.value(l, said)
	}
	for _, name := range slices.Sorted(maps.Keys(d.plan.Phases)) {
		root.at([]string{"phases", name})
	}
	for _, path := range d.gone {
		root.at(path).value = "null"
	}
	if d.plan.Start != nil {
		root.at([]string{"start"})
	}
	root.comment(said, nil)
	var b bytes.Buffer
	if len(from) > 0 {
		fmt.Fprintf(&b, "// From %s, by nixpacks migrate.\n\n", strings.Join(from, " and "))
	}
	for _, f := range root.fields {
		f.write(&b)
	}
	if len(said.end) > 0 {
		b.WriteByte('\n')
	}
	comments(&b, said.end)
	out, err := format.Source(b.Bytes())
	return append(bytes.TrimRight(out, "\n"), '\n'), fault.Wrap(fault.Bug, err, "cannot write CUE")
}

// ordered are the draft's values: the parts of a plan in their order, and in each part as the file that was read has them.
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

// write writes a field; structs of one field share its line.
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

// value is a string or a list of strings as CUE.
func (d *draft) value(l plan.Leaf, said beside) string {
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
		tall = tall || len(said.above[key]) > 0 || said.line[key] != ""
		elems = append(elems, e)
	}
	if line := "[" + strings.Join(elems, ", ") + "]"; !tall && (len(line) <= maxLine || len(list) == 1) {
		return line
	}
	var b bytes.Buffer
	b.WriteString("[\n")
	for i, e := range elems {
		key := elementKey(l.Path, i)
		comments(&b, said.above[key])
		b.WriteString(e + ",")
		if c := said.line[key]; c != "" {
			b.WriteString(" // " + c)
		}
		b.WriteString("\n")
	}
	b.WriteString("]")
	return b.String()
}

// elementKey names an element of the list at path.
func elementKey(path []string, i int) string { return plan.Path(path...) + "[" + strconv.Itoa(i) + "]" }

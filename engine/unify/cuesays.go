package unify

import (
	"strconv"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"

	"github.com/nixpacks-cue/nixpacks/engine/catalog"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// cueDocument holds the parts of an evaluated nixpacks.cue apart from its constraints.
type cueDocument struct {
	doc  *plan.Document // values that override the layers below
	soft []plan.Leaf    // defaults, which the layers below override
	drop []dropped      // values that null deletes
	want []want         // leaves that the file only constrains
}

type dropped struct {
	path []string
	at   fault.Pos
}

type want struct {
	path []string
	at   fault.Pos
}

// read splits an evaluated file into its parts. at names the top-level fields to read; nil is all of them.
func (e *evaluated) read(at []string) (*cueDocument, error) {
	w := &walker{e: e, s: &cueDocument{}}
	root := &plan.Node{Kind: plan.Map, Pos: fault.Pos{File: e.name}}
	if at == nil {
		w.fields(e.full, e.own, root, nil)
	}
	for _, name := range at {
		sel := cue.MakePath(cue.Str(name))
		if v := e.full.LookupPath(sel); v.Exists() {
			w.field(v, e.own.LookupPath(sel), root, []string{name})
		}
	}
	var err error
	w.s.doc, err = plan.Read(root, e.text)
	return w.s, err
}

type walker struct {
	e *evaluated
	s *cueDocument
}

// fields reads the fields of v into n. own is the same value without the schema, with positions in the user's file.
func (w *walker) fields(v, own cue.Value, n *plan.Node, path []string) {
	it, err := v.Fields(cue.Hidden(true))
	if err != nil {
		return
	}
	for it.Next() {
		sel := it.Selector()
		switch sel.LabelType() {
		case cue.HiddenLabel:
			w.null(sel.String(), path)
		case cue.StringLabel:
			name := sel.Unquoted()
			w.field(it.Value(), own.LookupPath(cue.MakePath(sel)), n, append(path[:len(path):len(path)], name))
		}
	}
}

func (w *walker) null(hidden string, path []string) {
	if rest, ok := strings.CutPrefix(hidden, nullPrefix); ok {
		if i, err := strconv.Atoi(rest); err == nil && i < len(w.e.nulls) {
			n := w.e.nulls[i]
			w.s.drop = append(w.s.drop, dropped{append(path[:len(path):len(path)], n.name), n.at})
		}
	}
}

// field reads one field into n: a struct, or a leaf as one of the kinds in cueDocument.
func (w *walker) field(v, own cue.Value, n *plan.Node, path []string) {
	if v.IncompleteKind() == cue.StructKind {
		child := &plan.Node{Kind: plan.Map, Pos: valuePos(own)}
		w.add(n, path, own, child)
		w.fields(v, own, child, path)
		return
	}
	switch node, soft := leafNode(v, own); {
	case node != nil && soft:
		w.s.soft = append(w.s.soft, plan.Leaf{Path: path, Value: leafValue(node)})
	case node != nil:
		w.add(n, path, own, node)
	case own.IncompleteKind() != cue.TopKind:
		w.s.want = append(w.s.want, want{path, valuePos(own)})
	}
}

func (w *walker) add(n *plan.Node, path []string, own cue.Value, child *plan.Node) {
	at, ok := w.e.labels[plan.Path(path...)]
	if !ok {
		at = valuePos(own)
	}
	n.Fields = append(n.Fields, plan.Field{Name: path[len(path)-1], Pos: at, Value: child})
}

// leafNode returns a leaf's value and whether it is a default. It returns nil if there is only a constraint, such as an
// open list.
func leafNode(v, own cue.Value) (*plan.Node, bool) {
	def, has := v.Default()
	switch kind := v.Kind(); {
	case kind == cue.StringKind:
		return stringNode(v, own), false
	case kind == cue.ListKind && !has:
		return listNode(v, own), false
	case kind == cue.ListKind || !has:
		return nil, false
	case def.Kind() == cue.StringKind:
		return stringNode(def, own), true
	case def.Kind() == cue.ListKind:
		return listNode(def, own), true
	}
	return nil, false
}

func stringNode(v, own cue.Value) *plan.Node {
	s, err := v.String()
	if err != nil {
		return nil
	}
	return &plan.Node{Kind: plan.String, Text: s, Pos: valuePos(own)}
}

// listNode returns a list of strings, or nil if an element is not a string.
func listNode(v, own cue.Value) *plan.Node {
	n := &plan.Node{Kind: plan.List, Pos: valuePos(own)}
	it, err := v.List()
	if err != nil {
		return nil
	}
	for i := 0; it.Next(); i++ {
		at := own.LookupPath(cue.MakePath(cue.Index(i)))
		item := stringNode(it.Value(), at)
		if item == nil {
			return nil
		}
		if item.Pos.Line == 0 {
			item.Pos = n.Pos
		}
		n.Items = append(n.Items, item)
	}
	return n
}

func leafValue(n *plan.Node) any {
	if n.Kind == plan.String {
		return n.Text
	}
	list := []string{}
	for _, item := range n.Items {
		list = append(list, item.Text)
	}
	return list
}

// valuePos returns the position of a value. CUE itself returns the position of the field's name if the field has one value.
func valuePos(v cue.Value) fault.Pos {
	if !v.Exists() {
		return fault.Pos{}
	}
	if f, ok := v.Source().(*ast.Field); ok {
		return catalog.Pos(f.Value.Pos())
	}
	return catalog.Pos(v.Pos())
}

package plan

import (
	"cmp"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// Document is a plan read from a document, together with what the plan itself does not record.
type Document struct {
	Plan *Plan
	// Unknown are the keys that no plan has, each with its position and the name that was probably meant.
	Unknown []*fault.Fault
	root    *Node
}

// Decode reads a plan in JSON. Every wrong type and unknown key is a separate fault. Positions name file.
func Decode(data []byte, file string) (*Plan, error) {
	n, err := ParseJSON(data, file)
	if err != nil {
		return nil, err
	}
	d, err := Read(n, data)
	if err != nil {
		return nil, err
	}
	if len(d.Unknown) > 0 {
		return nil, joined(d.Unknown)
	}
	return d.Plan, nil
}

// Read makes a plan from a document; text is the document's source, for the lines that faults quote. Besides the plan's
// own names Read accepts the aliases that Nixpacks has for them (nixPackages, commands, …) and ignores the keys that
// ignored lists. A map may be written as an empty list, as PHP does. Unknown keys are no error here: see
// Document.Unknown.
func Read(root *Node, text []byte) (*Document, error) {
	r := &reader{text: text}
	d := &Document{Plan: &Plan{}, root: root}
	r.value(root, reflect.ValueOf(d.Plan).Elem(), nil)
	d.Unknown = r.unknown
	if len(r.errs) > 0 {
		return nil, joined(append(r.errs, r.unknown...))
	}
	return d, nil
}

// At returns the node that sets path, under the field's name or an alias, or a list element by its index. It returns nil
// if the document does not set path.
func (d *Document) At(path ...string) *Node {
	n := d.root
	for i, name := range path {
		next := n.Get(name)
		if n.Kind == List {
			next = n.item(name)
		}
		for alias, real := range aliases {
			if next == nil && i == 2 && path[0] == "phases" && real == name {
				next = n.Get(alias)
			}
		}
		if next == nil || next.Kind == Null {
			return nil
		}
		n = next
	}
	return n
}

// Blank reports whether the document sets path to an empty string, which means "none". A Plan alone cannot tell that
// from a path that is not set.
func (d *Document) Blank(path ...string) bool {
	n := d.At(path...)
	return n != nil && n.Kind == String && n.Text == ""
}

// aliases are alternative names of a phase's fields.
var aliases = map[string]string{
	"nixPackages":  "nixPkgs",
	"nixLibraries": "nixLibs",
	"aptPackages":  "aptPkgs",
	"commands":     "cmds",
	"envPaths":     "paths",
}

// joined joins faults in the order of their positions.
func joined(faults []*fault.Fault) error {
	slices.SortStableFunc(faults, func(a, b *fault.Fault) int {
		return cmp.Or(cmp.Compare(a.At[0].Line, b.At[0].Line), cmp.Compare(a.At[0].Col, b.At[0].Col))
	})
	errs := make([]error, len(faults))
	for i, f := range faults {
		errs[i] = f
	}
	return errors.Join(errs...)
}

type reader struct {
	text    []byte
	errs    []*fault.Fault
	unknown []*fault.Fault
}

func (r *reader) fault(at fault.Pos, format string, args ...any) *fault.Fault {
	f := fault.New(fault.Refused, format, args...).WithPos(at).WithSource(r.text)
	r.errs = append(r.errs, f)
	return f
}

// value decodes n, which is at path, into v.
func (r *reader) value(n *Node, v reflect.Value, path []string) {
	empty := n.Kind == List && len(n.Items) == 0
	switch k := v.Kind(); {
	case k == reflect.String && n.Kind == String:
		r.str(n, v, path)
	case k == reflect.Slice && n.Kind == List:
		v.Set(reflect.MakeSlice(v.Type(), len(n.Items), len(n.Items)))
		for i, item := range n.Items {
			r.value(item, v.Index(i), append(path[:len(path):len(path)], "["+strconv.Itoa(i)+"]"))
		}
	case k == reflect.Map && (n.Kind == Map || empty):
		r.entries(n, v, path)
	case k == reflect.Pointer && (n.Kind == Map || empty):
		v.Set(reflect.New(v.Type().Elem()))
		r.fields(n, v.Elem(), path)
		if place, ok := v.Interface().(*Location); ok && !place.valid() {
			r.fault(n.Pos, "app is not a valid location of an app in a repository").
				WithHint("create it with nixpacks plan --app DIR; dir and root are folders such as apps/web, with dir in root")
		}
	case k == reflect.Struct && (n.Kind == Map || empty):
		r.fields(n, v, path)
	default:
		r.mismatch(n, v.Type(), path)
	}
}

func (r *reader) str(n *Node, v reflect.Value, path []string) {
	if strings.ContainsRune(n.Text, 0) {
		r.fault(n.Pos, "%s contains a NUL character", shown(path))
	}
	v.SetString(n.Text)
	if len(path) == 1 && path[0] == "packages" && n.Text != "nix" && n.Text != "apt" {
		r.fault(n.Pos, `packages must be "nix" or "apt", not %q`, n.Text)
	}
	if len(path) == 3 && path[0] == "phases" && path[2] == "order" && n.Text != OrderFree && n.Text != OrderFixed {
		r.fault(n.Pos, "%s must be %q or %q, not %q", shown(path), OrderFree, OrderFixed, n.Text)
	}
	if len(path) == 3 && path[0] == "phases" && path[2] == "outputsFor" && n.Text != OutputsForStart {
		r.fault(n.Pos, "%s must be %q, not %q", shown(path), OutputsForStart, n.Text)
	}
	if (path[0] == "exclude" || path[0] == "include") && (n.Text == "" || n.Text[0] == '!') {
		r.fault(n.Pos, "%s must contain file patterns, not %q", path[0], n.Text).
			WithHint(`to include what exclude or an ignore file excludes, list it in include without "!"`)
	}
}

func (r *reader) entries(n *Node, v reflect.Value, path []string) {
	v.Set(reflect.MakeMap(v.Type()))
	for _, f := range n.Fields {
		if why := badName(f.Name, path[len(path)-1]); why != "" {
			r.fault(f.Pos, "%q cannot be a name in %s: %s", f.Name, shown(path), why)
			continue
		}
		e := reflect.New(v.Type().Elem()).Elem()
		r.value(f.Value, e, append(path[:len(path):len(path)], f.Name))
		v.SetMapIndex(reflect.ValueOf(f.Name), e)
	}
}

// badName returns why name cannot be a key in the map in (phases, variables, static assets, …), or "" if it can. The
// schema has the same rules.
func badName(name, in string) string {
	switch {
	case name == "":
		return "it is empty"
	case strings.ContainsFunc(name, unicode.IsControl):
		return "it contains a control character"
	case in != "staticAssets" && in != "nixHashes" && in != "aptHashes" && in != "labels" && strings.ContainsFunc(name, func(r rune) bool { return unicode.Is(unicode.Z, r) }):
		return "it contains a space"
	case in == "variables" && strings.Contains(name, "="):
		return `it contains "="`
	}
	return ""
}

// BadVariable returns why a variable cannot have this name, or "" if it can.
func BadVariable(name string) string { return badName(name, "variables") }

// BadProcess returns why a process cannot have this name, or "" if it can.
func BadProcess(name string) string { return badName(name, "processes") }

// BadPhase returns why a phase cannot have this name, or "" if it can.
func BadPhase(name string) string { return badName(name, "phases") }

func (r *reader) fields(n *Node, v reflect.Value, path []string) {
	index, names := fieldsOf(v.Type())
	seen := map[string]string{}
	for _, f := range n.Fields {
		name := f.Name
		if real, ok := aliases[name]; ok && v.Type() == reflect.TypeFor[Phase]() {
			name = real
		}
		i, known := index[name]
		switch {
		case !known && ignored(v.Type(), name):
		case !known:
			r.unknown = append(r.unknown, unknownKey(f, path, names).WithSource(r.text))
		case seen[name] != "":
			r.fault(f.Pos, "%s is given twice, as %s and as %s", shown(append(path, name)), seen[name], f.Name)
		case f.Value.Kind != Null:
			seen[name] = f.Name
			r.value(f.Value, v.Field(i), append(path[:len(path):len(path)], name))
		}
	}
}

// ignored reports whether a key is accepted without a meaning for the plan: what a saved plan records about its build
// (Saved), the schema for editors ($schema), and the name that Nixpacks prints in a phase, which the phase's key
// overrules.
func ignored(t reflect.Type, name string) bool {
	if t == reflect.TypeFor[Plan]() {
		return name == "syntax" || name == "cacheKey" || name == "$schema"
	}
	return name == "name" && t == reflect.TypeFor[Phase]()
}

// fields are the JSON names of a struct's fields.
type fields struct {
	index map[string]int
	names []string
}

// structs caches the fields of the few types that make up a plan: one plan needs about a thousand lookups by path.
var structs sync.Map

// fieldsOf returns the JSON names of a struct's fields. Callers must not change them.
func fieldsOf(t reflect.Type) (index map[string]int, names []string) {
	if f, ok := structs.Load(t); ok {
		return f.(*fields).index, f.(*fields).names
	}
	f := &fields{index: map[string]int{}}
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		f.index[name] = i
		f.names = append(f.names, name)
	}
	structs.Store(t, f)
	return f.index, f.names
}

// mismatch reports a value of the wrong type: what path must be and what the document has.
func (r *reader) mismatch(n *Node, t reflect.Type, path []string) {
	f := r.fault(n.Pos, "%s must be %s, not %s", shown(path), shapeOf(t).Words, n.Kind)
	switch {
	case t.Kind() == reflect.Slice && n.Kind == String:
		f.WithHint("write [%q]", n.Text)
	case t.Kind() == reflect.String && (n.Kind == Number || n.Kind == Bool) && n.Text != "":
		f.WithHint("write %q", n.Text)
	}
}

// shown formats a path for messages. A list index has no dot before it.
func shown(path []string) string {
	if len(path) == 0 {
		return "the plan"
	}
	if last := path[len(path)-1]; strings.HasPrefix(last, "[") {
		return Path(path[:len(path)-1]...) + last
	}
	return Path(path...)
}

// Aliases returns Nixpacks' alternative names of a phase's fields: alias to field.
func Aliases() map[string]string { return maps.Clone(aliases) }

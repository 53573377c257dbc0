package catalog

import (
	"io/fs"
	"path"
	"slices"
	"strings"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/format"
	"cuelang.org/go/cue/parser"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// BuiltIn is where the program's own providers come from.
const BuiltIn = "built in"

// Description is a provider as its files say it, without an app.
type Description struct {
	// Files are its CUE files, by the names that places in them have, and Cases those of its tests.
	Files []string `json:"files"`
	Cases []string `json:"cases"`
	Facts []Asked  `json:"facts"`
	// Versions are what it decides on versions of, as far as that is literal.
	Versions []string `json:"versions"`
	// Tables are its literal lists and maps: the versions that there are, names of packages.
	Tables []Table `json:"tables"`
	// Commands are those of the plan, as they are written: what a name in them stands for is elsewhere in the files.
	Commands []Table `json:"commands"`
	// Settings are the variables that it asks for.
	Settings []string `json:"settings"`
}

// Asked is a fact.
type Asked struct {
	Name string `json:"name"`
	// Asks is the question as it is written, Why the comment above it.
	Asks string    `json:"asks"`
	Why  string    `json:"why,omitempty"`
	At   fault.Pos `json:"at"`
}

// Table is a value, as it is written.
type Table struct {
	Name string    `json:"name"`
	Text string    `json:"text"`
	Why  string    `json:"why,omitempty"`
	At   fault.Pos `json:"at"`
}

// From is where the provider comes from: BuiltIn, or the folder that it was loaded from.
func (p *Provider) From() string {
	if !p.foreign {
		return BuiltIn
	}
	return p.path()
}

// path is what places in the provider's files begin with.
func (p *Provider) path() string { return path.Join(p.label, p.Folder) }

// Rule is Detect as it is written.
func (p *Provider) Rule() map[string]any { return p.rule }

// Describe reads the provider's files. It is a fault where they are no provider's.
func (p *Provider) Describe() (*Description, error) {
	if _, err := p.parse(); err != nil {
		return nil, err
	}
	from, err := p.sources()
	if err != nil {
		return nil, err
	}
	s, err := parseSources(from, false, parser.ParseComments) // as it is written: without the bounds that others' files get
	if err != nil {
		return nil, err
	}
	d := &Description{Files: []string{}, Cases: []string{}, Facts: []Asked{}, Versions: s.versionsOf(), Tables: s.tables(), Commands: s.commands(), Settings: slices.Clone(p.variables)}
	if d.Settings == nil {
		d.Settings = []string{}
	}
	for _, f := range s.files {
		d.Files = append(d.Files, f.Filename)
	}
	cases, err := fs.Glob(p.dir, path.Join(p.Folder, CaseFiles))
	if err != nil {
		return nil, err
	}
	for _, c := range cases {
		d.Cases = append(d.Cases, path.Join(p.label, c))
	}
	for _, f := range s.top["facts"] {
		d.Facts = append(d.Facts, askedIn(f.Value)...)
	}
	return d, nil
}

// CaseFiles are the tests of a provider, in its folder.
const CaseFiles = "testdata/*.txtar"

// askedIn are the facts of a struct, those below conditions too.
func askedIn(x ast.Node) (out []Asked) {
	st, ok := x.(*ast.StructLit)
	if !ok {
		return nil
	}
	for _, d := range st.Elts {
		if c, ok := d.(*ast.Comprehension); ok {
			out = append(out, askedIn(c.Value)...)
			continue
		}
		f, name, ok := factField(d)
		if ok {
			out = append(out, Asked{name, written(f.Value), comment(f), position(f)})
		}
	}
	return out
}

// written is an expression as it is written; one on a single line without the braces around it.
func written(x ast.Expr) string {
	text, err := format.Node(x)
	if err != nil {
		return ""
	}
	s := strings.TrimSpace(string(text))
	if inner, ok := strings.CutPrefix(s, "{"); ok && !strings.Contains(s, "\n") {
		s = strings.TrimSuffix(inner, "}")
	}
	return s
}

// comment is the text of the comments above a field, as one line.
func comment(f *ast.Field) string {
	var words []string
	for _, g := range ast.Comments(f) {
		if g.Doc || g.Position == 0 {
			words = append(words, strings.Fields(g.Text())...)
		}
	}
	return strings.Join(words, " ")
}

// commands are the fields of the plan, and of its smaller image, that hold commands.
func (s *syntax) commands() []Table {
	out := []Table{}
	var walk func(x ast.Node, path string)
	walk = func(x ast.Node, path string) {
		switch x := x.(type) {
		case *ast.StructLit:
			for _, d := range x.Elts {
				walk(d, path)
			}
		case *ast.EmbedDecl:
			walk(x.Expr, path)
		case *ast.BinaryExpr:
			walk(x.X, path)
			walk(x.Y, path)
		case *ast.ParenExpr:
			walk(x.X, path)
		case *ast.UnaryExpr:
			walk(x.X, path)
		case *ast.IndexExpr:
			walk(x.X, path)
		case *ast.ListLit:
			for _, e := range x.Elts {
				walk(e, path)
			}
		case *ast.Comprehension:
			walk(x.Value, path)
		case *ast.Field:
			name, _, err := ast.LabelName(x.Label)
			if err != nil {
				name = "…"
			}
			if name == "cmd" || name == "cmds" {
				out = append(out, Table{path + name, written(x.Value), comment(x), position(x)})
				return
			}
			walk(x.Value, path+name+".")
		}
	}
	for _, top := range []string{"plan", "slim"} {
		for _, f := range s.top[top] {
			walk(f.Value, map[string]string{"slim": "slim."}[top])
		}
	}
	return out
}

// versionsOf are the literal names of what the provider decides on versions of.
func (s *syntax) versionsOf() []string {
	found := []string{}
	for _, d := range s.top["versions"] {
		ast.Walk(d.Value, func(n ast.Node) bool {
			if f, ok := n.(*ast.Field); ok {
				if name, _, err := ast.LabelName(f.Label); err == nil && name == "of" {
					if v, ok := plain(f.Value); ok {
						if text, ok := v.(string); ok && !slices.Contains(found, text) {
							found = append(found, text)
						}
					}
				}
			}
			return true
		}, nil)
	}
	return found
}

// tables are the literal lists and maps under names of the provider's own.
func (s *syntax) tables() []Table {
	out := []Table{}
	for _, f := range s.files {
		for _, d := range f.Decls {
			field, ok := d.(*ast.Field)
			if !ok {
				continue
			}
			name, _, err := ast.LabelName(field.Label)
			v, literal := plain(field.Value)
			switch v.(type) {
			case []any, map[string]any:
			default:
				literal = false
			}
			if err == nil && literal && strings.HasPrefix(name, "_") {
				out = append(out, Table{name, written(field.Value), comment(field), position(field)})
			}
		}
	}
	return out
}

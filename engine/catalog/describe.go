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

// BuiltIn is the origin of the program's own providers.
const BuiltIn = "built in"

// Description describes a provider from its files alone, without an app.
type Description struct {
	// Files are its CUE files, by the names that positions use. Cases are its test files.
	Files []string `json:"files"`
	Cases []string `json:"cases"`
	Facts []Asked  `json:"facts"`
	// Versions names what it decides versions of, if the name is literal.
	Versions []string `json:"versions"`
	// Tables are its literal lists and maps: known versions, package names.
	Tables []Table `json:"tables"`
	// Commands are the commands of its plan as written. Names in them are declared elsewhere in its files.
	Commands []Table `json:"commands"`
	// Settings are the NIXPACKS_ variables that it asks for.
	Settings []string `json:"settings"`
}

// Asked is a fact that a provider asks for.
type Asked struct {
	Name string `json:"name"`
	// Asks is the question as written. Why is the comment above it.
	Asks string    `json:"asks"`
	Why  string    `json:"why,omitempty"`
	At   fault.Pos `json:"at"`
}

// Table is a named value as written.
type Table struct {
	Name string    `json:"name"`
	Text string    `json:"text"`
	Why  string    `json:"why,omitempty"`
	At   fault.Pos `json:"at"`
}

// From returns the origin of the provider: BuiltIn, or the folder that it was loaded from.
func (p *Provider) From() string {
	if !p.foreign {
		return BuiltIn
	}
	return p.path()
}

// path returns the file prefix of positions in the provider's files.
func (p *Provider) path() string { return path.Join(p.label, p.Folder) }

// Rule returns the value of detect as written.
func (p *Provider) Rule() map[string]any { return p.rule }

// Describe reads the provider's files. It is a fault if they are not a valid provider.
func (p *Provider) Describe() (*Description, error) {
	if _, err := p.parse(); err != nil {
		return nil, err
	}
	from, err := p.sources()
	if err != nil {
		return nil, err
	}
	s, err := parseSources(from, false, parser.ParseComments) // unchanged: without the bounds that Tame adds to foreign files
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

// CaseFiles matches the tests of a provider in its folder.
const CaseFiles = "testdata/*.txtar"

// askedIn returns the facts in a struct, including those inside conditions.
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

// written formats an expression. Braces around a single line are removed.
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

// comment returns the comments above a field as one line.
func comment(f *ast.Field) string {
	var words []string
	for _, g := range ast.Comments(f) {
		if g.Doc || g.Position == 0 {
			words = append(words, strings.Fields(g.Text())...)
		}
	}
	return strings.Join(words, " ")
}

// commands returns the fields of plan and slim that hold commands.
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

// versionsOf returns the literal values of `of` in versions: what the provider decides versions of.
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

// tables returns the literal lists and maps of the provider's hidden fields.
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

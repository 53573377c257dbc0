package unify

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"cuelang.org/go/cue/ast"
	cueerrors "cuelang.org/go/cue/errors"
	"cuelang.org/go/cue/literal"
	"cuelang.org/go/cue/parser"
	"cuelang.org/go/cue/token"

	"github.com/nixpacks-cue/nixpacks/engine/catalog"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// cueSyntax is a parsed nixpacks.cue, rewritten for evaluation.
type cueSyntax struct {
	file *ast.File
	name string
	text []byte
	// labels are the positions of fields' names by path (plan.Path), as far as the names are not computed.
	labels map[string]fault.Pos
	// names are the top-level names that the file declares.
	names []string
	// nulls are the fields that were null. The number in a replacement name is an index into this list.
	nulls []nullField
	// marked are the positions of "...". Values at these positions come from the layers below.
	marked map[fault.Pos]bool
}

type nullField struct {
	name string
	at   fault.Pos
}

// parseCUE parses a nixpacks.cue. base supplies the elements that "..." stands for. If base is nil, "..." is kept.
func parseCUE(c *config, base *plan.Plan) (*cueSyntax, error) {
	s := &cueSyntax{name: c.name, text: c.text, labels: map[string]fault.Pos{}, marked: map[fault.Pos]bool{}}
	var err error
	if s.file, err = parser.ParseFile(c.name, c.text, parser.ParseComments); err != nil {
		var errs []error
		for _, e := range cueerrors.Errors(err) {
			format, args := e.Msg()
			errs = append(errs, s.fault(catalog.Pos(e.Position()), "not valid CUE: "+format, args...))
		}
		return nil, errors.Join(errs...)
	}
	if err := s.forbid(); err != nil {
		return nil, err
	}
	s.index(s.file.Decls, nil)
	r := rewriter{s: s, base: base}
	r.decls(s.file.Decls, nil)
	return s, nil
}

// index fills labels and names.
func (s *cueSyntax) index(decls []ast.Decl, path []string) {
	for _, d := range decls {
		switch d := d.(type) {
		case *ast.Field:
			name, _, err := ast.LabelName(d.Label)
			if err != nil {
				continue
			}
			at := append(path[:len(path):len(path)], name)
			if key := plan.Path(at...); s.labels[key].Line == 0 {
				s.labels[key] = catalog.Pos(d.Label.Pos())
			}
			if path == nil {
				s.names = append(s.names, name)
			}
			s.inside(d.Value, at)
		case *ast.LetClause:
			s.names = append(s.names, d.Ident.Name)
		case *ast.EmbedDecl:
			s.inside(d.Expr, path)
		case *ast.Comprehension:
			s.inside(d.Value, path)
		}
	}
}

func (s *cueSyntax) inside(x ast.Expr, path []string) {
	switch x := x.(type) {
	case *ast.StructLit:
		s.index(x.Elts, path)
	case *ast.Comprehension:
		s.inside(x.Value, path)
	case *ast.ParenExpr:
		s.inside(x.X, path)
	case *ast.BinaryExpr:
		s.inside(x.X, path)
		s.inside(x.Y, path)
	}
}

func (s *cueSyntax) fault(at fault.Pos, format string, args ...any) *fault.Fault {
	return fault.New(fault.Refused, format, args...).WithPos(at).WithSource(s.text)
}

// forbid refuses CUE whose meaning depends on the environment or that reaches outside the file.
func (s *cueSyntax) forbid() error {
	err := catalog.Tame(s.file, s.name, `for conditions, use a variable: if #base.variables.NAME == "…" {…}`)
	for _, f := range fault.All(err) {
		if f.WithSource(s.text); f.At[0].Line == 0 { // without a line the file was not checked further
			return f
		}
	}
	errs := []error{err}
	ast.Walk(s.file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ImportSpec:
			errs = append(errs, s.imported(n))
		case *ast.Field:
			if id, ok := n.Label.(*ast.Ident); ok && (id.Name == "#base" || id.Name == "#Plan") {
				errs = append(errs, s.fault(catalog.Pos(id.Pos()), "%s cannot be declared here: it is predefined", id.Name))
			}
		}
		return true
	}, nil)
	return errors.Join(errs...)
}

func (s *cueSyntax) imported(spec *ast.ImportSpec) error {
	name, err := strconv.Unquote(spec.Path.Value)
	if err == nil && slices.Contains(catalog.Imports, name) {
		return nil
	}
	return s.fault(catalog.Pos(spec.Path.Pos()), "%s cannot be imported", spec.Path.Value).
		WithHint("%s can import %s", s.name, strings.Join(catalog.Imports, ", "))
}

// stringOf returns the value of a string literal.
func stringOf(x ast.Expr) (string, bool) {
	lit, ok := x.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return "", false
	}
	v, err := literal.Unquote(lit.Value)
	return v, err == nil
}

package catalog

import (
	"errors"
	"slices"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	cueerrors "cuelang.org/go/cue/errors"
	"cuelang.org/go/cue/token"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// topFields are the fields of a provider, as in schema/provider.cue. They are checked on the syntax, because a
// closed definition in CUE would cost every plan half a millisecond.
var topFields = []string{"name", "detect", "before", "after", "replaces", "packages", "facts", "plan", "slim", "metadata", "versions", "shares", "notes", "refuse"}

// checkTop refuses declarations that a provider must not have at the top of its package: unknown fields, and anything that
// adds fields during evaluation. Hidden fields and definitions are allowed.
func (s *syntax) checkTop() error {
	var faults []error
	for _, f := range s.files {
		if name := f.PackageName(); name == "" || name != s.files[0].PackageName() {
			faults = append(faults, fault.New(fault.Refused, "the files of a provider must be in one package").
				WithPos(fault.Pos{File: f.Filename, Line: 1, Col: 1}).WithHint("begin each file with the same line: package NAME"))
		}
		for _, d := range f.Decls {
			if err := checkDecl(d); err != nil {
				faults = append(faults, err)
			}
		}
	}
	return errors.Join(faults...)
}

func checkDecl(d ast.Decl) error {
	switch d := d.(type) {
	case *ast.Package, *ast.ImportDecl, *ast.LetClause, *ast.CommentGroup:
		return nil
	case *ast.Field:
		name, _, err := ast.LabelName(d.Label)
		switch {
		case err != nil || d.Constraint != token.ILLEGAL:
			return fault.New(fault.Refused, "only plain fields are allowed at the top level of a provider").WithPos(position(d))
		case strings.HasPrefix(name, "_") || strings.HasPrefix(name, "#") || slices.Contains(topFields, name):
			return nil
		}
		return fault.New(fault.Refused, "unknown field %q in a provider", name).WithPos(position(d)).
			WithHint("%s; other names must begin with _", fault.DidYouMean(name, topFields))
	case *ast.Attribute:
		if key, _ := d.Split(); slices.Contains(reaching, key) { // Tame reports it
			return nil
		}
		return fault.New(fault.Refused, "a provider cannot use %s", d.Text).WithPos(position(d)).
			WithHint("a provider's plan must depend only on its facts")
	}
	return fault.New(fault.Refused, "only plain fields are allowed at the top level of a provider").WithPos(position(d)).
		WithHint("move conditions into plan or facts")
}

// conform checks an evaluated provider against schema.#Provider. This is done for foreign providers. The tests check the
// built-in ones.
func (e *evaluator) conform(v cue.Value) error {
	s, err := readSchema()
	if err != nil {
		return err
	}
	sv, err := BuildFiles(e.ctx, s.files)
	if err != nil {
		return err
	}
	err = sv.LookupPath(cue.MakePath(cue.Def("Provider"))).Unify(v).Validate()
	var out []error
	for _, one := range cueerrors.Errors(err) {
		out = append(out, e.one(one))
	}
	return errors.Join(out...)
}

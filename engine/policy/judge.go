package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"cuelang.org/go/cue/ast"
	cueerrors "cuelang.org/go/cue/errors"

	"github.com/nixpacks-cue/nixpacks/engine/catalog"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
	"github.com/nixpacks-cue/nixpacks/engine/unify"
)

// judge evaluates the policy with the plan. As in `cue vet`, the result must be concrete.
func (p *Policy) judge(d *data) ([]Violation, error) {
	authored := p.authored()
	ctx := catalog.NewContext()
	demands, err := catalog.BuildFiles(ctx, p.syntax)
	if err != nil {
		return nil, catalog.SyntaxFault(err, p.Name)
	}
	x, err := d.expr()
	if err != nil {
		return nil, err
	}
	var out []Violation
	for _, b := range unify.Breaks(demands.Unify(ctx.BuildExpr(x)), d.plan, p.Name) {
		if v := p.violation(b, authored, d); !slices.ContainsFunc(out, v.equal) {
			out = append(out, v)
		}
	}
	slices.SortStableFunc(out, func(v, w Violation) int {
		return cmp.Or(cmp.Compare(v.At.File, w.At.File), cmp.Compare(v.At.Line, w.At.Line), cmp.Compare(v.At.Col, w.At.Col))
	})
	return out, nil
}

func (v Violation) equal(w Violation) bool {
	return v.Message == w.Message && v.At == w.At && v.Path == w.Path
}

// violation converts CUE's errors, with the position in the policy and the positions that set the value.
func (p *Policy) violation(b unify.Broken, authored map[fault.Pos]bool, d *data) Violation {
	v := Violation{Policy: p, Message: b.Words, At: fault.Pos{File: p.files[0].Name}}
	var words []string
	for _, err := range b.Says {
		if at := catalog.Pos(err.Position()); authored[at] {
			format, args := err.Msg()
			words = append(words, fmt.Sprintf(format, args...))
			if len(words) == 1 {
				v.At = at
			}
		}
	}
	if len(words) > 0 {
		v.Message, v.authored = oneLine(strings.Join(words, "; ")), true
	}
	path := b.Path
	for _, err := range b.Says {
		for _, q := range cueerrors.Positions(err) {
			at := catalog.Pos(q)
			if v.At.Line == 0 && p.text(at.File) != nil {
				v.At = at
			}
			if of, ok := d.at[at]; ok && !speaksOf(path) {
				path = of
			}
		}
	}
	if at, ok := p.placeOf(path); ok && v.At.Line == 0 { // CUE gives no position for a closed struct
		v.At = at
	}
	if !speaksOf(path) {
		return v
	}
	v.Path, v.Set, v.Unset = unify.ShownPath(path), d.setters(path), d.unset(path)
	return v
}

// placeOf returns the position at which the policy names path, or its longest existing prefix.
func (p *Policy) placeOf(path []string) (at fault.Pos, ok bool) {
	for _, f := range p.syntax {
		decls := f.Decls
		for _, name := range path {
			i := slices.IndexFunc(decls, func(d ast.Decl) bool {
				f, ok := d.(*ast.Field)
				if !ok {
					return false
				}
				label, _, err := ast.LabelName(f.Label)
				return err != nil || label == name // a pattern, or the name itself
			})
			if i < 0 {
				break
			}
			field := decls[i].(*ast.Field)
			at, ok, decls = catalog.Pos(field.Label.Pos()), true, nil
			if s, isStruct := field.Value.(*ast.StructLit); isStruct {
				decls = s.Elts
			}
		}
	}
	return at, ok
}

// speaksOf reports whether path is valid in a plan.
func speaksOf(path []string) bool {
	if len(path) == 0 {
		return false
	}
	_, whole := plan.ShapeAt(path...)
	list, elem := plan.ShapeAt(path[:len(path)-1]...)
	return whole || elem && list.Kind == plan.List
}

// authored returns the positions of messages by the author of the policy: calls of error.
func (p *Policy) authored() map[fault.Pos]bool {
	out := map[fault.Pos]bool{}
	for _, f := range p.syntax {
		ast.Walk(f, func(n ast.Node) bool {
			if c, ok := n.(*ast.CallExpr); ok {
				if id, ok := c.Fun.(*ast.Ident); ok && (id.Name == "error" || id.Name == "__error") {
					out[catalog.Pos(c.Pos())] = true
				}
			}
			return true
		}, nil)
	}
	return out
}

// oneLine replaces line breaks and other control characters in untrusted text, which could contain escape sequences.
func oneLine(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s))
}

// notes returns notes about fields in the policy that no plan has. Every plan satisfies such a constraint, which is probably a
// misspelled name.
func (p *Policy) notes() []catalog.Note {
	var out []catalog.Note
	for _, f := range p.syntax {
		out = append(out, unknown(f.Decls, nil)...)
	}
	return out
}

func unknown(decls []ast.Decl, path []string) []catalog.Note {
	var out []catalog.Note
	for _, d := range decls {
		f, ok := d.(*ast.Field)
		if !ok {
			continue
		}
		name, _, err := ast.LabelName(f.Label)
		if err != nil || strings.HasPrefix(name, "_") || strings.HasPrefix(name, "#") {
			continue
		}
		at := append(slices.Clone(path), name)
		if _, ok := plan.ShapeAt(at...); !ok {
			u := plan.Unknown(at, catalog.Pos(f.Label.Pos()))
			out = append(out, catalog.Note{Text: u.Msg + ": plans have no such field, so this rule has no effect", Hint: u.Hint, At: u.At})
			continue
		}
		if s, ok := f.Value.(*ast.StructLit); ok {
			out = append(out, unknown(s.Elts, at)...)
		}
	}
	return out
}

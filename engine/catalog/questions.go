package catalog

import (
	"slices"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/token"

	"github.com/nixpacks-cue/nixpacks/engine/facts"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// at is the place of a name at the top of the package; the package's first line where there is none.
func (s *syntax) at(name string) fault.Pos {
	if d := s.top[name]; len(d) > 0 {
		return position(d[0])
	}
	return fault.Pos{File: s.files[0].Filename, Line: 1, Col: 1}
}

// questions reads the facts that are literal from the syntax, without evaluating anything. computed tells
// whether there are others.
func (s *syntax) questions() (found map[string]facts.Question, computed bool, err error) {
	literal := map[string]map[string]any{}
	open := map[string]bool{}
	where := map[string]*ast.Field{}
	for _, d := range s.top["facts"] {
		all, ok := d.Value.(*ast.StructLit)
		if !ok {
			return nil, true, nil
		}
		for _, x := range all.Elts {
			f, name, ok := factField(x)
			if !ok {
				computed = true
				continue
			}
			where[name] = f
			if !s.collect(literal, name, f.Value) {
				open[name], computed = true, true
			}
		}
	}
	found = map[string]facts.Question{}
	for name, fields := range literal {
		if open[name] {
			continue
		}
		if found[name], err = facts.Parse(fields); err != nil {
			return nil, false, fault.New(fault.Refused, "fact %s: %v", name, err).WithPos(position(where[name]))
		}
	}
	return found, computed, nil
}

func factField(x ast.Decl) (*ast.Field, string, bool) {
	f, ok := x.(*ast.Field)
	if !ok || f.Constraint != token.ILLEGAL {
		return nil, "", false
	}
	name, _, err := ast.LabelName(f.Label)
	return f, name, err == nil
}

// collect adds the fields of one declaration of a fact, which may have several.
func (s *syntax) collect(into map[string]map[string]any, name string, x ast.Expr) bool {
	st, ok := x.(*ast.StructLit)
	if !ok {
		return false
	}
	m, ok := fields(st, facts.Answers, s.literal)
	if !ok {
		return false
	}
	if into[name] == nil {
		into[name] = map[string]any{}
	}
	for k, v := range m {
		into[name][k] = v
	}
	return true
}

// read gives the questions of an evaluated package. One that is not concrete yet is left out: a later round
// may answer what it waits for.
func (e *evaluator) read(v cue.Value) (map[string]facts.Question, error) {
	out := map[string]facts.Question{}
	all := v.LookupPath(cue.ParsePath("facts"))
	it, err := all.Fields()
	if err != nil {
		return nil, e.fault(err)
	}
	for it.Next() {
		name := it.Selector().Unquoted()
		fields, ok, err := concrete(it.Value())
		if err != nil {
			return nil, e.fault(err)
		}
		if !ok {
			continue
		}
		if out[name], err = facts.Parse(fields); err != nil {
			return nil, fault.New(fault.Refused, "fact %s: %v", name, err).WithPos(place(it.Value()))
		}
	}
	return out, nil
}

// concrete reads the fields of a fact but for its answers; false while one of them is open.
func concrete(v cue.Value) (map[string]any, bool, error) {
	out := map[string]any{}
	it, err := v.Fields()
	if err != nil {
		return nil, false, nil
	}
	for it.Next() {
		name := it.Selector().Unquoted()
		if slices.Contains(facts.Answers, name) {
			continue
		}
		x, ok, err := goValue(it.Value())
		if !ok || err != nil {
			return nil, false, err
		}
		out[name] = x
	}
	return out, true, nil
}

// goValue is a concrete string, bool, number or list of such.
func goValue(v cue.Value) (any, bool, error) {
	if d, ok := v.Default(); ok {
		v = d
	}
	switch v.Kind() {
	case cue.StringKind:
		s, err := v.String()
		return s, true, err
	case cue.BoolKind:
		b, err := v.Bool()
		return b, true, err
	case cue.IntKind:
		n, err := v.Int64()
		return int(n), true, err
	case cue.ListKind:
		return goList(v)
	case cue.BottomKind:
		return nil, false, nil
	}
	return v.Kind(), true, nil // no question has such a field: facts.Parse refuses it
}

func goList(v cue.Value) (any, bool, error) {
	it, err := v.List()
	if err != nil {
		return nil, false, err
	}
	out := []any{}
	for it.Next() {
		x, ok, err := goValue(it.Value())
		if !ok || err != nil {
			return nil, false, err
		}
		out = append(out, x)
	}
	return out, true, nil
}

func place(v cue.Value) fault.Pos {
	p := v.Pos()
	return fault.Pos{File: p.Filename(), Line: p.Line(), Col: p.Column()}
}

package catalog

import (
	"errors"
	"maps"
	"slices"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/token"

	"github.com/nixpacks-cue/nixpacks/engine/facts"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// at returns the position of a top-level name, or of the package's first line if there is no such name.
func (s *syntax) at(name string) fault.Pos {
	if d := s.top[name]; len(d) > 0 {
		return position(d[0])
	}
	return fault.Pos{File: s.files[0].Filename, Line: 1, Col: 1}
}

// placed adds the fact's position to a fault without one, such as a fault about a pattern.
func (s *syntax) placed(name string, err error) error {
	f, ok := err.(*fault.Fault)
	if !ok || len(f.At) > 0 {
		return err
	}
	at := s.at("facts")
	for _, d := range s.top["facts"] {
		ast.Walk(d.Value, func(n ast.Node) bool {
			if x, ok := n.(ast.Decl); ok {
				if field, found, ok := factField(x); ok && found == name {
					at = position(field)
				}
			}
			return true
		}, nil)
	}
	here := *f // a copy: the fault may belong to another provider that others ask too
	here.Msg = "fact " + name + ": " + f.Msg
	return here.WithPos(at)
}

// questions parses the literal facts from the syntax, without evaluation. computed reports whether there
// are other facts.
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
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(literal)) {
		if open[name] {
			continue
		}
		if found[name], err = facts.Parse(literal[name]); err != nil {
			faults = append(faults, fault.New(fault.Refused, "fact %s: %v", name, err).WithPos(position(where[name])))
		}
	}
	return found, computed, errors.Join(faults...)
}

func factField(x ast.Decl) (*ast.Field, string, bool) {
	f, ok := x.(*ast.Field)
	if !ok || f.Constraint != token.ILLEGAL {
		return nil, "", false
	}
	name, _, err := ast.LabelName(f.Label)
	return f, name, err == nil
}

// collect adds the fields of one declaration of a fact. A fact may have several declarations.
func (s *syntax) collect(into map[string]map[string]any, name string, x ast.Expr) bool {
	if rest, _, _ := beside(x); rest != nil {
		x = rest
	}
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

// read returns the questions of an evaluated package. waiting is the error that keeps a fact from being asked: it depends
// on an answer that a later round may give.
func (e *evaluator) read(v cue.Value) (now map[string]facts.Question, waiting, err error) {
	now = map[string]facts.Question{}
	all := v.LookupPath(cue.MakePath(cue.Str("facts")))
	it, err := all.Fields()
	if err != nil {
		return nil, nil, e.fault(err)
	}
	waiting = all.Err() // an error in a condition around a fact
	for it.Next() {
		name := it.Selector().Unquoted()
		fields, err := concrete(it.Value())
		if err != nil {
			waiting = err
			if old, ok := e.asked[name]; ok { // the answer conflicts with the rest, the question stays the same
				now[name] = old
			}
			continue
		}
		if now[name], err = facts.Parse(fields); err != nil {
			return nil, nil, fault.New(fault.Refused, "fact %s: %v", name, err).WithPos(Pos(it.Value().Pos()))
		}
	}
	return now, waiting, nil
}

// concrete returns the fields of a fact without its answers. It returns an error for a field that is not concrete.
func concrete(v cue.Value) (map[string]any, error) {
	out := map[string]any{}
	it, err := v.Fields()
	if err != nil {
		return nil, err
	}
	for it.Next() {
		name := it.Selector().Unquoted()
		if slices.Contains(facts.Answers, name) {
			continue
		}
		if out[name], err = goValue(it.Value()); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// goValue converts a string, bool, integer, or a list of these.
func goValue(v cue.Value) (any, error) {
	if d, ok := v.Default(); ok {
		v = d
	}
	switch v.Kind() {
	case cue.StringKind:
		return v.String()
	case cue.BoolKind:
		return v.Bool()
	case cue.IntKind:
		n, err := v.Int64()
		return int(n), err
	case cue.ListKind:
		return goList(v)
	case cue.BottomKind:
		return nil, v.Validate(cue.Concrete(true))
	}
	return v.Kind(), nil // facts.Parse refuses it, no question has such a field
}

func goList(v cue.Value) (any, error) {
	it, err := v.List()
	if err != nil {
		return nil, err
	}
	out := []any{}
	for it.Next() {
		x, err := goValue(it.Value())
		if err != nil {
			return nil, err
		}
		out = append(out, x)
	}
	return out, nil
}

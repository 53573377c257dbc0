package plan

import (
	"maps"
	"reflect"
	"slices"
)

// Leaf is a value of a plan at its path: a string or a list of strings ([]string).
type Leaf struct {
	Path  []string
	Value any
}

// Leaves returns all values of the plan: fields in the order of their declaration, maps sorted by key.
func (p *Plan) Leaves() []Leaf {
	var out []Leaf
	leaves(reflect.ValueOf(p).Elem(), nil, &out)
	return out
}

func leaves(v reflect.Value, path []string, out *[]Leaf) {
	down := func(v reflect.Value, name string) {
		leaves(v, append(path[:len(path):len(path)], name), out)
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			leaves(v.Elem(), path, out)
		}
	case reflect.Struct:
		_, names := fieldsOf(v.Type())
		for i, name := range names {
			if !v.Field(i).IsZero() {
				down(v.Field(i), name)
			}
		}
	case reflect.Map:
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int {
			if a.String() < b.String() {
				return -1
			}
			return 1
		})
		for _, k := range keys {
			down(v.MapIndex(k), k.String())
		}
	default:
		*out = append(*out, Leaf{path, v.Interface()})
	}
}

// Get returns the value at path, a string or a list, or nil if the plan does not set it.
func (p *Plan) Get(path ...string) any {
	v := reflect.ValueOf(p).Elem()
	for i, name := range path {
		if v.Kind() == reflect.Pointer {
			v = v.Elem()
		}
		switch v.Kind() {
		case reflect.Struct:
			index, _ := fieldsOf(v.Type())
			f, ok := index[name]
			if !ok || v.Field(f).IsZero() {
				return nil
			}
			v = v.Field(f)
		case reflect.Map:
			if v = v.MapIndex(reflect.ValueOf(name)); !v.IsValid() {
				return nil
			}
		default:
			return nil
		}
		if last := i == len(path)-1; last && (v.Kind() == reflect.String || v.Kind() == reflect.Slice) {
			return v.Interface()
		}
	}
	return nil
}

// Set stores a value from Leaves or Get at its path. It creates a missing phase with NewPhase.
func (p *Plan) Set(l Leaf) {
	switch l.Path[0] {
	case "phases":
		if p.Phases == nil {
			p.Phases = map[string]*Phase{}
		}
		name := l.Path[1]
		if p.Phases[name] == nil {
			p.Phases[name] = NewPhase(name)
		}
		set(reflect.ValueOf(p.Phases[name]).Elem(), l.Path[2:], l.Value)
	case "start":
		if p.Start == nil {
			p.Start = &Start{}
		}
		set(reflect.ValueOf(p.Start).Elem(), l.Path[1:], l.Value)
	case "app":
		if p.App == nil {
			p.App = &Location{}
		}
		set(reflect.ValueOf(p.App).Elem(), l.Path[1:], l.Value)
	default:
		set(reflect.ValueOf(p).Elem(), l.Path, l.Value)
	}
}

// set stores value in a field of s, or in a map that is a field of s.
func set(s reflect.Value, path []string, value any) {
	index, _ := fieldsOf(s.Type())
	f := s.Field(index[path[0]])
	if len(path) == 1 {
		f.Set(reflect.ValueOf(value))
		return
	}
	if f.IsNil() {
		f.Set(reflect.MakeMap(f.Type()))
	}
	f.SetMapIndex(reflect.ValueOf(path[1]), reflect.ValueOf(value))
}

// Delete removes the value at path: a phase, a map entry, a field of a phase or of start, or start itself. Phases that
// depended on a deleted phase inherit its dependencies, so the order of the others stays.
func (p *Plan) Delete(path ...string) {
	switch {
	case len(path) == 2 && path[0] == "phases":
		p.deletePhase(path[1])
	case path[0] == "phases":
		if ph := p.Phases[path[1]]; ph != nil {
			remove(reflect.ValueOf(ph).Elem(), path[2:])
		}
	case len(path) > 1 && path[0] == "start":
		if p.Start != nil {
			remove(reflect.ValueOf(p.Start).Elem(), path[1:])
		}
	case len(path) > 1 && path[0] == "app":
		if p.App != nil {
			remove(reflect.ValueOf(p.App).Elem(), path[1:])
		}
	default:
		remove(reflect.ValueOf(p).Elem(), path)
	}
}

func remove(s reflect.Value, path []string) {
	index, _ := fieldsOf(s.Type())
	f := s.Field(index[path[0]])
	if len(path) == 1 {
		f.SetZero()
	} else if !f.IsNil() {
		f.SetMapIndex(reflect.ValueOf(path[1]), reflect.Value{})
	}
}

func (p *Plan) deletePhase(name string) {
	gone := p.Phases[name]
	delete(p.Phases, name)
	if gone == nil {
		return
	}
	for _, other := range slices.Sorted(maps.Keys(p.Phases)) {
		ph := p.Phases[other]
		if !slices.Contains(ph.DependsOn, name) {
			continue
		}
		deps := []string{}
		for _, d := range ph.DependsOn {
			through := []string{d}
			if d == name {
				through = gone.DependsOn
			}
			for _, t := range through {
				if t != name && t != other && !slices.Contains(deps, t) {
					deps = append(deps, t)
				}
			}
		}
		ph.DependsOn = deps
	}
}

// IsField reports whether a plan has a field of that name.
func IsField(name string) bool { return slices.Contains(FieldNames[Plan](), name) }

// FieldNames returns the JSON names of the fields of Plan, Phase or Start.
func FieldNames[T Plan | Phase | Start]() []string {
	_, names := fieldsOf(reflect.TypeFor[T]())
	return slices.Clone(names)
}

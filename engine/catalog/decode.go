package catalog

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"cuelang.org/go/cue"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// decoder decodes an evaluated plan into Go. Unlike cue.Value.Decode it refuses unknown fields, distinguishes an empty
// list from an absent one, and reports every error with its position.
type decoder struct {
	e      *evaluator
	faults []error
}

func (d *decoder) value(v cue.Value, into reflect.Value) {
	if def, ok := v.Default(); ok {
		v = def
	}
	if err := v.Err(); err != nil {
		d.faults = append(d.faults, d.e.fault(err))
		return
	}
	switch into.Kind() {
	case reflect.Pointer:
		into.Set(reflect.New(into.Type().Elem()))
		d.value(v, into.Elem())
	case reflect.Struct:
		d.fields(v, into)
	case reflect.Map:
		d.entries(v, into)
	case reflect.Slice:
		d.list(v, into)
	default:
		d.scalar(v, into)
	}
}

func (d *decoder) scalar(v cue.Value, into reflect.Value) {
	var err error
	switch into.Kind() {
	case reflect.String:
		var s string
		s, err = v.String()
		into.SetString(s)
	case reflect.Bool:
		var b bool
		b, err = v.Bool()
		into.SetBool(b)
	default:
		var n int64
		n, err = v.Int64()
		into.SetInt(n)
	}
	if err != nil {
		d.faults = append(d.faults, d.e.fault(err))
	}
}

func (d *decoder) list(v cue.Value, into reflect.Value) {
	it, err := v.List()
	if err != nil {
		d.faults = append(d.faults, d.e.fault(err))
		return
	}
	into.Set(reflect.MakeSlice(into.Type(), 0, 0))
	for it.Next() {
		x := reflect.New(into.Type().Elem()).Elem()
		d.value(it.Value(), x)
		into.Set(reflect.Append(into, x))
	}
}

func (d *decoder) entries(v cue.Value, into reflect.Value) {
	into.Set(reflect.MakeMap(into.Type()))
	d.each(v, func(name string, v cue.Value) {
		x := reflect.New(into.Type().Elem()).Elem()
		d.value(v, x)
		into.SetMapIndex(reflect.ValueOf(name), x)
	})
}

func (d *decoder) fields(v cue.Value, into reflect.Value) {
	known := map[string]int{}
	for i := range into.NumField() {
		name, _, _ := strings.Cut(into.Type().Field(i).Tag.Get("json"), ",")
		known[name] = i
	}
	d.each(v, func(name string, v cue.Value) {
		i, ok := known[name]
		if !ok {
			d.faults = append(d.faults, fault.New(fault.Refused, "provider %s: unknown field %q in its plan", d.e.provider.Name, name).
				WithPos(Pos(v.Pos())).WithHint("%s", fault.DidYouMean(name, slices.Collect(maps.Keys(known)))))
			return
		}
		d.value(v, into.Field(i))
	})
}

func (d *decoder) each(v cue.Value, f func(string, cue.Value)) {
	it, err := v.Fields()
	if err != nil {
		d.faults = append(d.faults, d.e.fault(err))
		return
	}
	for it.Next() {
		f(it.Selector().Unquoted(), it.Value())
	}
}

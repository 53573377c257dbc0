package plan

import (
	"reflect"
	"slices"
)

// Shape describes the values that a plan can have at a path.
type Shape struct {
	Kind  Kind     // String, List (of strings) or Map
	Names []string // the field names of a Map with fixed fields
	Words string   // for messages: "a list of strings"
}

// ShapeAt returns the shape at a path; the empty path is the plan itself. It returns false if no plan has such a path.
func ShapeAt(path ...string) (Shape, bool) {
	t := reflect.TypeFor[Plan]()
	for _, name := range path {
		switch t.Kind() {
		case reflect.Struct:
			index, _ := fieldsOf(t)
			i, ok := index[name]
			if !ok {
				return Shape{}, false
			}
			t = t.Field(i).Type
		case reflect.Map:
			t = t.Elem()
		default:
			return Shape{}, false
		}
		if t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
	}
	return shapeOf(t), true
}

func shapeOf(t reflect.Type) Shape {
	switch t.Kind() {
	case reflect.String:
		return Shape{Kind: String, Words: "a string"}
	case reflect.Slice:
		return Shape{Kind: List, Words: "a list of strings"}
	case reflect.Map:
		if t.Elem().Kind() == reflect.String {
			return Shape{Kind: Map, Words: "a map of strings"}
		}
		return Shape{Kind: Map, Words: "a map of phases"}
	case reflect.Pointer:
		return shapeOf(t.Elem())
	}
	_, names := fieldsOf(t)
	return Shape{Kind: Map, Names: slices.Clone(names), Words: "a map"}
}

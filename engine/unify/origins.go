package unify

import (
	"slices"
	"strconv"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// origins returns the positions that set the finished plan's values.
func (u *unifier) origins(p *plan.Plan) *plan.Origins {
	return plan.NewOrigins(p, func(path ...string) (fault.Pos, bool) {
		list, ok := p.Get(path[:len(path)-1]...).([]string)
		if !ok {
			return u.origin(path, "")
		}
		i, err := strconv.Atoi(path[len(path)-1])
		if err != nil || i >= len(list) {
			return fault.Pos{}, false
		}
		return u.elementOrigin(path[:len(path)-1], list[i])
	}, u.fileText)
}

// elementOrigin returns the position of a list element, or of its list, in the topmost layer that has the element.
func (u *unifier) elementOrigin(path []string, elem string) (fault.Pos, bool) {
	for _, l := range slices.Backward(u.layers) {
		list, _ := l.plan.Get(path...).([]string)
		i := slices.Index(list, elem)
		if i < 0 {
			continue
		}
		if p, ok := l.at(append(slices.Clone(path), strconv.Itoa(i))); ok {
			return p, true
		}
		if p, ok := l.at(path); ok {
			return p, true
		}
	}
	return fault.Pos{}, false
}

// fileText returns the text of a configuration file, the Procfile or a provider's file, or nil for other files.
func (u *unifier) fileText(file string) []byte {
	for _, text := range [][]byte{u.catalog.Text(file), u.texts[file]} {
		if text != nil {
			return text
		}
	}
	if u.file != nil && file == u.file.name {
		return u.file.text
	}
	return nil
}

// keep stores the text of a file for origins.
func (u *unifier) keep(file, text string) {
	if u.texts == nil {
		u.texts = map[string][]byte{}
	}
	u.texts[file] = []byte(text)
}

package plan

import (
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// Origins record where the values of a plan were set, and the texts of these files. A nil Origins knows no positions.
type Origins struct {
	places map[string]fault.Pos
	texts  map[string][]byte
}

// NewOrigins calls at for the position of every value of a plan and of every list element, whose path is the list's path
// and an index. It calls text for each file named; text may return nil.
func NewOrigins(p *Plan, at func(path ...string) (fault.Pos, bool), text func(file string) []byte) *Origins {
	o := &Origins{map[string]fault.Pos{}, map[string][]byte{}}
	add := func(path ...string) {
		pos, ok := at(path...)
		if !ok || pos.File == "" {
			return
		}
		t, known := o.texts[pos.File]
		if !known {
			t = text(pos.File)
		}
		pos.File = portable(pos.File)
		o.places[Path(path...)], o.texts[pos.File] = pos, t
	}
	for _, l := range p.Leaves() {
		add(l.Path...)
		if list, ok := l.Value.([]string); ok {
			for i := range list {
				add(append(slices.Clone(l.Path), strconv.Itoa(i))...)
			}
		}
	}
	return o
}

// portable is a file's name without folders that exist only on this machine.
func portable(file string) string {
	if filepath.IsAbs(file) || strings.HasPrefix(file, "..") {
		return path.Base(filepath.ToSlash(file))
	}
	return filepath.ToSlash(file)
}

// At returns where a value was set. For a list element without a position of its own it is the position of the list.
func (o *Origins) At(path ...string) (fault.Pos, bool) {
	if o == nil {
		return fault.Pos{}, false
	}
	if p, ok := o.places[Path(path...)]; ok {
		return p, true
	}
	p, ok := o.places[Path(path[:len(path)-1]...)]
	return p, ok
}

// Text returns the text of a file that At names. It is nil if the text is not known or the position is a flag.
func (o *Origins) Text(file string) []byte { return o.texts[file] }

// Origins returns the positions in a document that is a whole plan.
func (d *Document) Origins(text []byte) *Origins {
	return NewOrigins(d.Plan, func(path ...string) (fault.Pos, bool) {
		if n := d.At(path...); n != nil {
			return n.Pos, true
		}
		return fault.Pos{}, false
	}, func(string) []byte { return text })
}

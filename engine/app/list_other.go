//go:build !linux

package app

import (
	"io/fs"
	"os"
	"path"
)

// handle is a directory of the app.
type handle struct {
	root *os.Root
	name string
}

// prepare makes ready for listing the directories below side by side.
func (h *handle) prepare() error { return nil }

// list is the entries by name; none where the directory cannot be read.
func (h *handle) list(prefix string, _ *[]byte) []entry {
	ents, err := fs.ReadDir(h.root.FS(), path.Join(".", h.name))
	if err != nil {
		return nil
	}
	out := make([]entry, len(ents))
	for i, d := range ents {
		kind := d.Type()
		out[i] = entry{name: d.Name(), path: prefix + d.Name(), dir: d.IsDir(), file: kind.IsRegular(), link: kind&fs.ModeSymlink != 0}
	}
	return out
}

func (h *handle) close() {}

func (h *handle) below(name string) *handle {
	return &handle{root: h.root, name: path.Join(h.name, name)}
}

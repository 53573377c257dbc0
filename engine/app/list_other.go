//go:build !unix

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

func (h *handle) list() ([]fs.DirEntry, error) {
	return fs.ReadDir(h.root.FS(), path.Join(".", h.name))
}

func (h *handle) close() {}

func (h *handle) below(name string) *handle {
	return &handle{root: h.root, name: path.Join(h.name, name)}
}

//go:build !linux

package app

import "os"

// handle is a directory of the local file system.
type handle struct{ root *os.Root }

func (h *handle) list(prefix string, buf *[]byte) []entry {
	return walked{h.root.FS(), "."}.list(prefix, buf)
}
func (h *handle) below(name string) lister { return walked{h.root.FS(), name} }
func (h *handle) prepare() error           { return nil }
func (h *handle) close()                   {}

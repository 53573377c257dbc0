//go:build linux && cgo

package ocirt

import (
	"os"
	"path/filepath"
)

// self resolves, in the process that is about to execute it, to the binary that this process runs: also when
// the file was deleted (as `go run` does) or replaced by an upgrade meanwhile.
const self = "/proc/self/exe"

// Install puts the runtime below state and gives its path.
func Install(state string) (string, error) {
	path := Path(state)
	if cur, err := os.Readlink(path); err == nil && cur == self {
		return path, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", err
	}
	if err := os.RemoveAll(path); err != nil {
		return "", err
	}
	return path, os.Symlink(self, path)
}

//go:build linux && cgo

package ocirt

import (
	"os"
	"path/filepath"
)

// self is resolved by the process that is about to execute it, to the binary that this process runs. That works even if
// the file has been deleted (`go run` does that) or replaced by an upgrade.
const self = "/proc/self/exe"

// Install creates the runtime below state and returns its path.
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

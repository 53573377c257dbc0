package buildkitd

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// The spare is a file that reserves disk space. On a full disk it is deleted so that a prune can run: pruning needs some
// space for databases.
const (
	spareName = "spare"
	spareSize = 8 << 20
)

// createSpare creates the spare, unless it exists or the disk has no room for it.
func createSpare(dir string) {
	name := filepath.Join(dir, spareName)
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return
	}
	defer f.Close()
	if unix.Fallocate(int(f.Fd()), 0, 0, spareSize) != nil {
		_ = os.Remove(name)
	}
}

// removeSpare deletes the spare.
func removeSpare(dir string) { _ = os.Remove(filepath.Join(dir, spareName)) }

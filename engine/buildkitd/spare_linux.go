package buildkitd

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// The spare is a file with nothing in it. On a disk that is full it is given up for whoever wants to make room: to prune a cache
// takes some for databases.
const (
	spareName = "spare"
	spareSize = 8 << 20
)

// setSpare puts the spare by, where it is not there and the disk has room for it.
func setSpare(dir string) {
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

// spendSpare gives it up.
func spendSpare(dir string) { _ = os.Remove(filepath.Join(dir, spareName)) }

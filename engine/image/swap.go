package image

import (
	"errors"
	"io/fs"
	"os"
)

// oldSuffix marks a replaced directory that is not removed yet.
const oldSuffix = "-old"

// replace moves the temporary directory to its destination and removes what was there. The move is atomic if the system
// can exchange two directories.
func (t *temp) replace() error {
	defer t.lock.Close()
	err := os.Rename(t.path, t.dest)
	if err == nil {
		return nil // there was nothing, or an empty directory
	}
	if _, staterr := os.Lstat(t.dest); errors.Is(staterr, fs.ErrNotExist) {
		return err
	}
	if exchange(t.path, t.dest) == nil {
		return os.RemoveAll(t.path)
	}
	old := t.path + oldSuffix
	if err := os.Rename(t.dest, old); err != nil {
		return err
	}
	if err := os.Rename(t.path, t.dest); err != nil {
		return errors.Join(err, os.Rename(old, t.dest))
	}
	return os.RemoveAll(old)
}

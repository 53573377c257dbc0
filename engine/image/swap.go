package image

import (
	"errors"
	"io/fs"
	"os"
)

// oldSuffix marks the directory that was moved out of the way and not yet removed.
const oldSuffix = "-old"

// replace puts the temporary directory in the place of its destination, in one step where the system
// can exchange two directories, and removes what was there.
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

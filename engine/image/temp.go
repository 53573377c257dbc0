package image

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// temp is a file or directory that is written beside dest and then replaces it. It is locked while it is in use: Clean
// removes the temporaries without a lock, which a killed process left behind.
type temp struct {
	path, dest string
	lock       *os.File
}

// marker identifies our temporary names: .NAME.nixpacks-RANDOM
const marker = ".nixpacks-"

// maxTries bounds the attempts to create a temporary that other processes remove.
const maxTries = 100

// newTemp creates a temporary beside dest. create makes it and opens the file to lock.
func newTemp(dest string, create func(path string) (*os.File, error)) (*temp, error) {
	dest, err := filepath.Abs(dest)
	if err != nil {
		return nil, fault.Wrap(fault.Usage, err, "cannot write %s", dest)
	}
	if real, err := filepath.EvalSymlinks(dest); err == nil {
		dest = real // keep the link, replace its target
	}
	if err := os.MkdirAll(filepath.Dir(dest), 0o755); err != nil {
		return nil, fault.Wrap(fault.Usage, err, "cannot create the directory of %s", dest)
	}
	if err := clean(filepath.Dir(dest), filepath.Base(dest)); err != nil {
		return nil, fault.Wrap(fault.Usage, err, "cannot remove the remains of an interrupted build next to %s", dest)
	}
	for tries := 1; ; tries++ {
		path := filepath.Join(filepath.Dir(dest), "."+filepath.Base(dest)+marker+random())
		f, err := create(path)
		if errors.Is(err, fs.ErrNotExist) && tries < maxTries {
			continue // another process removed it as a leftover while it was created
		}
		if err != nil {
			return nil, fault.Wrap(fault.Usage, err, "cannot write to %s", filepath.Dir(dest))
		}
		t := &temp{path, dest, f}
		if lock(f) && t.alive() {
			return t, nil
		}
		t.remove() // another process removed it as a leftover before it was locked
	}
}

// alive reports whether the path still is the locked file.
func (t *temp) alive() bool {
	a, err1 := t.lock.Stat()
	b, err2 := os.Lstat(t.path)
	return err1 == nil && err2 == nil && os.SameFile(a, b)
}

// remove removes the temporary and releases its lock.
func (t *temp) remove() {
	os.RemoveAll(t.path)
	t.lock.Close()
}

// Clean removes the temporary files and directories of this package in dir that interrupted builds left behind.
func Clean(dir string) error { return clean(dir, "") }

// clean removes the temporaries for one name, or for all names if it is "". A replaced directory whose place is empty is
// moved back: where the system cannot exchange two directories, the process may die between the two renames of replace.
func clean(dir, name string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		base, _, ok := cutLast(strings.TrimPrefix(e.Name(), "."), marker)
		if !ok || !strings.HasPrefix(e.Name(), ".") || name != "" && name != base {
			continue
		}
		path := filepath.Join(dir, e.Name())
		f, err := os.OpenFile(path, os.O_RDONLY|noWait, 0) // a pipe of that name would block
		if err != nil {
			continue
		}
		if lock(f) {
			restoreOrRemove(path, filepath.Join(dir, base))
		}
		f.Close()
	}
	return nil
}

func restoreOrRemove(path, dest string) {
	if strings.HasSuffix(path, oldSuffix) && os.Rename(path, dest) == nil {
		return // fails if dest is not empty
	}
	os.RemoveAll(path)
}

func cutLast(s, sep string) (before, after string, ok bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

func random() string {
	var b [6]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

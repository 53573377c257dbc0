package cli

import (
	"cmp"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// target is the directory of --out. The app, or an app that was written there before, may be untrusted: no symlink in it
// can lead a write out of the directory.
type target struct {
	*os.Root
	dir string // as it was given
}

func newTarget(dir string) (*target, error) {
	dir = filepath.Clean(dir) // the form that checkOutputPaths has checked
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fault.Wrap(fault.Usage, err, "cannot write to %s", dir)
	}
	root, err := os.OpenRoot(dir)
	return &target{root, dir}, fault.Wrap(fault.Usage, err, "cannot write to %s", dir)
}

// writeOurs writes the files of a build to outDir, by name.
func (t *target) writeOurs(files map[string]string) error {
	if st, err := t.Lstat(outDir); err == nil && !st.IsDir() {
		return fault.New(fault.Usage, "%s is not a directory, but --out writes its files there", filepath.Join(t.dir, outDir)).
			WithHint("remove it, or give --out another directory")
	}
	if err := t.MkdirAll(outDir, 0o755); err != nil {
		return fault.Wrap(fault.Usage, err, "cannot write to %s", filepath.Join(t.dir, outDir))
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		mode := fs.FileMode(0o666)
		if name == buildScript {
			mode = 0o777
		}
		if err := t.write(filepath.Join(outDir, name), files[name], mode); err != nil {
			return fault.Wrap(fault.Usage, err, "cannot write %s", filepath.Join(t.dir, outDir, name))
		}
	}
	return nil
}

// write replaces whatever has this name with a file, completely or not at all.
func (t *target) write(name, text string, mode fs.FileMode) error {
	part := name + ".new"
	if err := t.clear(part, false); err != nil {
		return err
	}
	err := t.create(part, mode, func(f *os.File) error {
		_, err := io.WriteString(f, text)
		return err
	})
	if err == nil {
		err = t.Rename(part, name)
	}
	if err != nil {
		_ = t.Remove(part) // if this fails, the part remains
	}
	return err
}

// create makes a file that does not exist yet, and calls fill to write it.
func (t *target) create(name string, mode fs.FileMode, fill func(*os.File) error) error {
	f, err := t.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	return errors.Join(fill(f), f.Close())
}

// clear removes what has this name, unless it is a directory and folder is set. A directory that is not empty stays, and is
// an error.
func (t *target) clear(name string, folder bool) error {
	st, err := t.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && folder && st.IsDir():
		return nil
	case err != nil:
		return err
	}
	return t.Remove(name)
}

// copyApp copies the files, directories and symlinks of the app, except git's history and what an earlier --out wrote. It
// copies nothing if the app is the target itself.
func (t *target) copyApp(app string) error {
	real, err := realPath(app)
	if err != nil {
		return fault.Wrap(fault.Usage, err, "cannot read %s", app)
	}
	from, err := os.OpenRoot(real)
	if err != nil {
		return fault.Wrap(fault.Usage, err, "cannot read %s", app)
	}
	defer from.Close()
	here, err1 := from.Stat(".")
	there, err2 := t.Stat(".")
	if err := errors.Join(err1, err2); err != nil {
		return fault.Wrap(fault.Usage, err, "cannot write to %s", t.dir)
	}
	if os.SameFile(here, there) {
		return nil
	}
	err = filepath.WalkDir(real, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(real, path)
		if err != nil || name == "." {
			return err
		}
		info, err := d.Info()
		switch {
		case err != nil:
			return err
		case d.IsDir() && (os.SameFile(info, there) || d.Name() == ".git" || d.Name() == outDir):
			return fs.SkipDir
		case name == outDir:
			return nil
		}
		return t.copyEntry(from, name, info)
	})
	return fault.Wrap(fault.Usage, err, "cannot copy the app to %s", t.dir)
}

// copyEntry copies one directory entry in place of whatever has its name. It skips pipes and devices, which are not part of
// an app.
func (t *target) copyEntry(from *os.Root, name string, info fs.FileInfo) error {
	link := info.Mode()&fs.ModeSymlink != 0
	if !info.IsDir() && !link && !info.Mode().IsRegular() {
		return nil
	}
	if err := t.clear(name, info.IsDir()); err != nil {
		return err
	}
	switch {
	case info.IsDir():
		return t.MkdirAll(name, info.Mode().Perm()|0o700)
	case link:
		to, err := from.Readlink(name)
		return cmp.Or(err, t.Symlink(to, name))
	}
	in, err := from.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) // does not wait for the writer of a pipe
	if err != nil {
		return err
	}
	defer in.Close()
	err = t.create(name, info.Mode().Perm(), func(out *os.File) error {
		_, err := io.Copy(out, in)
		return err
	})
	if err != nil {
		return err
	}
	return t.Chtimes(name, info.ModTime(), info.ModTime())
}

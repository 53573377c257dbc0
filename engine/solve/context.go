package solve

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	gofs "io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/tonistiigi/fsutil"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// rootFS is a host directory that BuildKit reads over the session. It prevents access outside the directory: every access
// goes through os.Root, so it does not follow a symlink that replaces a file after BuildKit has listed it.
type rootFS struct {
	fsutil.FS
	root   *os.Root
	broken func(error) // called for a file that was listed but cannot be read
}

// openDir opens the part of dir that goes into the build context. fix may change the metadata of each file.
func openDir(dir string, ignore []string, fix fsutil.MapFunc, broken func(error)) (fsutil.FS, io.Closer, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, nil, fault.Wrap(fault.Usage, err, "cannot read the directory %s", dir)
	}
	inner := rootFS{fsutil.NewRootFS(fsutil.NewRoot(root)), root, broken}
	filtered, err := fsutil.NewFilterFS(inner, &fsutil.FilterOpt{ExcludePatterns: ignore, Map: fix})
	if err != nil {
		root.Close()
		return nil, nil, fault.Wrap(fault.Refused, err, "invalid pattern of files to exclude from the build context")
	}
	return filtered, root, nil
}

// Walk skips sockets, pipes and devices, which have no content.
func (a rootFS) Walk(ctx context.Context, target string, fn gofs.WalkDirFunc) error {
	return a.FS.Walk(ctx, target, func(path string, d gofs.DirEntry, err error) error {
		if err == nil && d != nil && a.special(path, d) {
			return nil
		}
		return fn(path, d, err)
	})
}

func (a rootFS) special(path string, d gofs.DirEntry) bool {
	if d.Type()&(gofs.ModeNamedPipe|gofs.ModeDevice|gofs.ModeCharDevice) != 0 {
		return true
	}
	if !d.Type().IsRegular() {
		return false
	}
	if st, err := d.Info(); err != nil || st.Size() > 0 {
		return false
	}
	st, err := a.root.Lstat(path) // fsutil reports a socket as an empty file
	return err == nil && st.Mode()&gofs.ModeSocket != 0
}

// Open opens a file. fsutil would send a file that cannot be opened as an empty one, and would hang after a read error.
// Therefore broken aborts the build.
func (a rootFS) Open(path string) (io.ReadCloser, error) {
	f, err := a.root.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // do not wait for the writer of a pipe
	if err == nil {
		var st gofs.FileInfo
		if st, err = f.Stat(); err == nil && !st.Mode().IsRegular() {
			err = errors.New("it is no longer a regular file")
		}
		if err == nil {
			return &watchedFile{f, path, a.broken}, nil
		}
		f.Close()
	}
	a.broken(unreadable(path, err))
	return nil, err
}

// watchedFile reports read errors.
type watchedFile struct {
	*os.File
	path   string
	broken func(error)
}

func (w *watchedFile) Read(p []byte) (int, error) {
	n, err := w.File.Read(p)
	if err != nil && err != io.EOF {
		w.broken(unreadable(w.path, err))
	}
	return n, err
}

// unreadable returns the fault for a file that existed when the directory was listed.
func unreadable(path string, err error) error {
	if errors.Is(err, gofs.ErrPermission) {
		return fault.Wrap(fault.Usage, err, "%s cannot be read: permission denied", path).(*fault.Fault).
			WithHint("if the build does not need it, list it in .dockerignore")
	}
	return fault.Wrap(fault.TryAgain, err, "%s was changed or removed during the build", path)
}

// DefaultCacheKey returns a hash of the app directory's path, which separates the caches of different apps.
func DefaultCacheKey(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err == nil {
		abs, err = filepath.EvalSymlinks(abs)
	}
	if err != nil {
		return "", fault.Wrap(fault.Usage, err, "cannot find the app's directory %s", dir)
	}
	sum := sha256.Sum256([]byte(abs))
	return hex.EncodeToString(sum[:8]), nil
}

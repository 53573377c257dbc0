package image

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"

	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// layoutDir is an OCI layout directory. It is read through os.Root: a blob that is a symlink out of the directory is an
// error.
type layoutDir struct {
	path string
	root *os.Root
	self fs.FileInfo
}

func openLayout(dir string) (*layoutDir, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fault.Wrap(fault.Usage, err, "cannot open %s", dir)
	}
	self, err := root.Stat(".")
	if err != nil {
		root.Close()
		return nil, fault.Wrap(fault.Usage, err, "cannot open %s", dir)
	}
	return &layoutDir{dir, root, self}, nil
}

// replaced reports whether another directory has taken this one's place since it was opened.
func (l *layoutDir) replaced() bool {
	now, err := os.Stat(l.path)
	return err == nil && !os.SameFile(now, l.self)
}

func (l *layoutDir) index() ([]byte, error) {
	f, _, err := l.file(ocispecs.ImageIndexFile)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxJSON+1))
	if len(raw) > maxJSON {
		return nil, fmt.Errorf("%s is too large: at most %d bytes are allowed", ocispecs.ImageIndexFile, maxJSON)
	}
	return raw, err
}

func (l *layoutDir) open(d digest.Digest) (blob, error) {
	f, st, err := l.file(blobPath(d))
	if err != nil {
		return blob{}, err
	}
	return blob{f, st.Size()}, nil
}

// file opens a regular file of the layout. It does not wait: opening a pipe would block until something writes to it, and an
// app of a stranger may be a layout.
func (l *layoutDir) file(name string) (*os.File, fs.FileInfo, error) {
	f, err := l.root.OpenFile(name, os.O_RDONLY|noWait, 0)
	if err != nil {
		return nil, nil, err
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", name)
	}
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, st, nil
}

func (l *layoutDir) closers() []io.Closer { return []io.Closer{l.root} }

// blobPath returns a blob's path relative to the root of a layout.
func blobPath(d digest.Digest) string {
	return path.Join(ocispecs.ImageBlobsDir, d.Algorithm().String(), d.Encoded())
}

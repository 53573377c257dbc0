package image

import (
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
	f, err := l.root.Open(ocispecs.ImageIndexFile)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxJSON))
}

func (l *layoutDir) open(d digest.Digest) (blob, error) {
	f, err := l.root.Open(blobPath(d))
	if err != nil {
		return blob{}, err
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = fault.New(fault.Refused, "blob %s is not a regular file", d)
	}
	if err != nil {
		f.Close()
		return blob{}, err
	}
	return blob{f, st.Size()}, nil
}

func (l *layoutDir) closers() []io.Closer { return []io.Closer{l.root} }

// blobPath returns a blob's path relative to the root of a layout.
func blobPath(d digest.Digest) string {
	return path.Join(ocispecs.ImageBlobsDir, d.Algorithm().String(), d.Encoded())
}

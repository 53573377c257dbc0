package image

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"

	"github.com/klauspost/compress/zstd"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// archive is a tar of an OCI layout or a docker archive, read in place: nothing is unpacked.
type archive struct {
	file    *os.File
	entries map[string]blob // by clean path
	made    map[digest.Digest]blob
	hashed  map[blob]digest.Digest
	top     []byte // index.json
}

// openArchive reads the table of contents of an OCI tar or a docker archive. The whole file may be compressed.
func openArchive(file string) (*archive, error) {
	if st, err := os.Stat(file); err == nil && !st.Mode().IsRegular() { // a pipe would block, and cannot be read twice
		return nil, fault.New(fault.Usage, "%s is neither a file nor a directory", file).WithHint("give an image archive or an OCI layout directory")
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, fault.Wrap(fault.Usage, err, "cannot open %s", file)
	}
	if f, err = plainTar(f); err != nil {
		return nil, broken(err, "cannot unpack %s", file)
	}
	a := &archive{file: f, entries: map[string]blob{}, made: map[digest.Digest]blob{}, hashed: map[blob]digest.Digest{}}
	if err = a.scan(); err == nil {
		err = a.findIndex()
	}
	if err != nil {
		f.Close()
		return nil, broken(err, "%s is neither an OCI archive nor a docker archive", file)
	}
	return a, nil
}

// plainTar returns a file with the uncompressed tar. A compressed one is unpacked to an unlinked temporary file.
func plainTar(f *os.File) (*os.File, error) {
	head := make([]byte, 4)
	if _, err := f.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		f.Close()
		return nil, err
	}
	r, err := decompressor(head, f)
	if err == nil && r == nil {
		return f, nil
	}
	defer f.Close()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	tmp, err := os.CreateTemp("", "nixpacks-archive-")
	if err != nil {
		return nil, tempFault(err, f.Name())
	}
	os.Remove(tmp.Name())
	if err := copyUpTo(tmp, r, unpackLimit(f)); err != nil {
		tmp.Close()
		if p := (*fs.PathError)(nil); errors.As(err, &p) && p.Path == tmp.Name() {
			err = tempFault(err, f.Name())
		}
		return nil, err
	}
	_, err = tmp.Seek(0, io.SeekStart)
	return tmp, err
}

// tempFault returns the fault for an error of the directory for temporary files: nothing is wrong with the archive.
func tempFault(err error, archive string) error {
	what := fmt.Sprintf("cannot unpack %s in %s, the directory for temporary files", archive, os.TempDir())
	if full := fault.Wrap(fault.Usage, err, "%s", what); fault.CodeOf(full) == fault.TryAgain {
		return full
	}
	return fault.New(fault.Usage, "%s: %v", what, err).WithHint("set TMPDIR to a directory that you may write to, or unpack the archive yourself")
}

// An archive may unpack to minUnpacked bytes, or to maxRatio times its size if that is more. The layers in it are mostly
// compressed already, and plain ones shrink to a third.
const maxRatio = 20

var minUnpacked int64 = 1 << 30 // less in tests

// unpackLimit returns how large the compressed archive f may become.
func unpackLimit(f *os.File) int64 {
	st, err := f.Stat()
	if err != nil {
		return minUnpacked
	}
	return max(minUnpacked, maxRatio*st.Size())
}

// copyUpTo copies what a compressed archive unpacks to, unless that is more than limit.
func copyUpTo(w io.Writer, r io.Reader, limit int64) error {
	n, err := io.Copy(w, io.LimitReader(r, limit+1))
	if err == nil && n > limit {
		return fault.New(fault.Refused, "it unpacks to more than %d bytes: the limit is %d times its size, and at least %d MB", limit, maxRatio, minUnpacked>>20).
			WithHint("if you trust it, unpack it yourself and name the result")
	}
	return err
}

// The magic numbers of gzip and zstd.
var gzipMagic, zstdMagic = []byte{0x1f, 0x8b}, []byte{0x28, 0xb5, 0x2f, 0xfd}

// maxWindow limits what zstd keeps in memory: the window of zstd --long.
const maxWindow = 128 << 20

// decompressor decompresses f, whose first four bytes are head. It returns nil if f is not compressed. The caller closes
// it.
func decompressor(head []byte, f io.Reader) (io.ReadCloser, error) {
	switch {
	case bytes.HasPrefix(head, gzipMagic):
		return gzip.NewReader(bufio.NewReader(f))
	case bytes.HasPrefix(head, zstdMagic):
		z, err := zstd.NewReader(f, zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderLowmem(true), zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, err
		}
		return z.IOReadCloser(), nil
	}
	return nil, nil
}

// maxFiles and maxName limit the table of contents of an archive. Longer names are ignored: no image has such files.
const (
	maxFiles = 100_000
	maxName  = 1024
)

// scan records the offset of each file's content. Links refer to earlier files, as docker save writes them.
func (a *archive) scan() error {
	tr := tar.NewReader(a.file)
	for n := 0; ; n++ {
		if n > maxFiles {
			return fmt.Errorf("it has more than %d files", maxFiles)
		}
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		name := path.Clean(h.Name)
		if len(name) > maxName {
			continue
		}
		switch h.Typeflag {
		case tar.TypeReg:
			at, err := a.file.Seek(0, io.SeekCurrent)
			if err != nil {
				return err
			}
			a.entries[name] = blob{io.NewSectionReader(a.file, at, h.Size), h.Size}
		case tar.TypeSymlink, tar.TypeLink:
			target := path.Clean(h.Linkname)
			if h.Typeflag == tar.TypeSymlink {
				target = path.Join(path.Dir(name), h.Linkname)
			}
			if b, ok := a.entries[target]; ok {
				a.entries[name] = b
			}
		}
	}
}

// findIndex takes index.json, or makes one from the manifest.json of an older docker archive.
func (a *archive) findIndex() error {
	if b, ok := a.entries[ocispecs.ImageIndexFile]; ok {
		var err error
		a.top, err = b.all()
		return err
	}
	b, ok := a.entries["manifest.json"]
	if !ok {
		return errors.New("it has neither index.json nor manifest.json")
	}
	raw, err := b.all()
	if err != nil {
		return err
	}
	var images []dockerImage
	if err := decode(raw, &images); err != nil {
		return err
	}
	var index ocispecs.Index
	for _, im := range images {
		descs, err := a.convert(im)
		if err != nil {
			return err
		}
		index.Manifests = append(index.Manifests, descs...)
	}
	a.top, err = json.Marshal(index)
	return err
}

func (b blob) all() ([]byte, error) {
	if b.size > maxJSON {
		return nil, errors.New("it is too large")
	}
	return io.ReadAll(io.NewSectionReader(b, 0, b.size))
}

func (a *archive) index() ([]byte, error) { return a.top, nil }

func (a *archive) open(d digest.Digest) (blob, error) {
	if b, ok := a.made[d]; ok {
		return b, nil
	}
	if b, ok := a.entries[blobPath(d)]; ok {
		return b, nil
	}
	return blob{}, &fs.PathError{Op: "open", Path: blobPath(d), Err: fs.ErrNotExist}
}

func (a *archive) closers() []io.Closer { return []io.Closer{a.file} }

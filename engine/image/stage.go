package image

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// Stage is an OCI layout directory that is written beside its final path. It starts with hard links to the blobs of the
// existing layout, so that only new blobs are transferred and written.
type Stage struct {
	temp  *temp
	index ocispecs.Index // of the existing layout
	raw   []byte
}

// NewStage starts a layout whose final path is dest. An existing directory that is neither empty nor a layout is a Usage
// fault.
func NewStage(dest string) (*Stage, error) {
	if err := mayReplace(dest); err != nil {
		return nil, err
	}
	t, err := newTemp(dest, func(path string) (*os.File, error) {
		if err := os.MkdirAll(filepath.Join(path, ocispecs.ImageBlobsDir, "sha256"), 0o755); err != nil {
			return nil, err
		}
		return os.Open(path)
	})
	if err != nil {
		return nil, err
	}
	s := &Stage{temp: t}
	s.inherit()
	return s, nil
}

// mayReplace refuses to replace a directory that is not a layout: it belongs to somebody.
func mayReplace(dest string) error {
	entries, err := os.ReadDir(dest)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fault.Wrap(fault.Usage, err, "cannot write an OCI layout to %s", dest)
	}
	layout := func(e fs.DirEntry) bool { return e.Name() == ocispecs.ImageLayoutFile }
	if len(entries) > 0 && !slices.ContainsFunc(entries, layout) {
		return fault.New(fault.Usage, "%s is neither empty nor an OCI layout", dest).WithHint("use a new directory")
	}
	return nil
}

// inherit links the blobs of the existing layout that have the size that its manifests say. If it cannot link a blob,
// the build writes it again.
func (s *Stage) inherit() {
	dir, err := openLayout(s.temp.dest)
	if err != nil {
		return
	}
	defer dir.root.Close()
	if s.raw, err = dir.index(); err != nil || json.Unmarshal(s.raw, &s.index) != nil {
		s.raw, s.index = nil, ocispecs.Index{}
		return
	}
	for _, d := range descriptors(dir, s.index.Manifests) {
		st, err := dir.root.Lstat(blobPath(d.Digest))
		if err == nil && st.Mode().IsRegular() && st.Size() == d.Size {
			_ = os.Link(filepath.Join(s.temp.dest, blobPath(d.Digest)), s.blob(d.Digest))
		}
	}
}

// descriptors lists what manifests lead to: indexes, manifests, configurations and layers. It does not follow manifests
// that it cannot read.
func descriptors(src source, tops []ocispecs.Descriptor) []ocispecs.Descriptor {
	out := slices.Clone(tops)
	for _, d := range tops {
		var doc struct {
			Manifests []ocispecs.Descriptor
			Config    ocispecs.Descriptor
			Layers    []ocispecs.Descriptor
		}
		img := &Image{blobs: map[digest.Digest]blob{}}
		if img.load(src, d, &doc) == nil {
			out = append(out, doc.Layers...)
			out = append(out, descriptors(src, doc.Manifests)...)
			if doc.Config.Digest != "" {
				out = append(out, doc.Config)
			}
		}
		img.Close()
	}
	return out
}

// Dir returns the directory to write blobs to.
func (s *Stage) Dir() string { return s.temp.path }

func (s *Stage) blob(d digest.Digest) string { return filepath.Join(s.temp.path, blobPath(d)) }

// Commit adds the image desc to the layout under the given names and moves the layout to its final path. Existing images
// under other names stay. It reports whether this changed anything: committing the same image again leaves the directory
// untouched.
func (s *Stage) Commit(desc ocispecs.Descriptor, names []string) (changed bool, err error) {
	defer func() {
		if err != nil {
			s.Abort()
			err = fault.Wrap(fault.Usage, err, "cannot write the OCI layout %s", s.temp.dest)
		}
	}()
	index := s.merge(desc, names)
	raw, err := json.MarshalIndent(index, "", "  ")
	if err != nil {
		return false, err
	}
	if err := s.prune(index); err != nil {
		return false, err
	}
	if bytes.Equal(raw, s.raw) && s.complete() {
		s.Abort()
		return false, nil
	}
	if err := s.write(ocispecs.ImageIndexFile, raw); err != nil {
		return false, err
	}
	if err := s.write(ocispecs.ImageLayoutFile, []byte(`{"imageLayoutVersion": "1.0.0"}`)); err != nil {
		return false, err
	}
	return true, s.temp.replace()
}

func (s *Stage) write(name string, raw []byte) error {
	return os.WriteFile(filepath.Join(s.temp.path, name), raw, 0o644)
}

// complete reports whether the existing layout has every blob of the stage.
func (s *Stage) complete() bool {
	entries, err := os.ReadDir(filepath.Join(s.temp.path, ocispecs.ImageBlobsDir, "sha256"))
	for _, e := range entries {
		a, err1 := e.Info()
		b, err2 := os.Lstat(filepath.Join(s.temp.dest, ocispecs.ImageBlobsDir, "sha256", e.Name()))
		if err1 != nil || err2 != nil || a.Size() != b.Size() {
			return false
		}
	}
	return err == nil
}

// merge returns the new index: our image, and the old entries whose names it does not take.
func (s *Stage) merge(desc ocispecs.Descriptor, names []string) ocispecs.Index {
	index := ocispecs.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispecs.MediaTypeImageIndex}
	if len(names) == 0 {
		names = []string{""}
	}
	for _, n := range names {
		d := desc
		d.Annotations = map[string]string{ocispecs.AnnotationRefName: tagOf(n)}
		if n != "" {
			d.Annotations[nameAnnotation] = n
		}
		index.Manifests = append(index.Manifests, d)
	}
	for _, old := range s.index.Manifests {
		same := func(d ocispecs.Descriptor) bool {
			return d.Annotations[nameAnnotation] == old.Annotations[nameAnnotation] &&
				d.Annotations[ocispecs.AnnotationRefName] == old.Annotations[ocispecs.AnnotationRefName]
		}
		if !slices.ContainsFunc(index.Manifests, same) {
			index.Manifests = append(index.Manifests, old)
		}
	}
	return index
}

// tagOf returns the tag of a full name, or "latest" if it has none.
func tagOf(name string) string {
	if _, tag, ok := cutLast(name, ":"); ok && !strings.Contains(tag, "/") {
		return tag
	}
	return "latest"
}

// prune removes every blob that the index does not lead to, and returns an error if a blob is missing or incomplete.
func (s *Stage) prune(index ocispecs.Index) error {
	dir, err := openLayout(s.temp.path)
	if err != nil {
		return err
	}
	defer dir.root.Close()
	keep := map[string]bool{}
	for _, d := range descriptors(dir, index.Manifests) {
		st, err := os.Lstat(s.blob(d.Digest))
		if err != nil {
			return err
		}
		if st.Size() != d.Size {
			return fault.New(fault.TryAgain, "blob %s arrived with %d bytes, not %d", d.Digest, st.Size(), d.Size)
		}
		keep[d.Digest.Encoded()] = true
	}
	entries, err := os.ReadDir(filepath.Join(s.temp.path, ocispecs.ImageBlobsDir, "sha256"))
	for _, e := range entries {
		if !keep[e.Name()] {
			err = errors.Join(err, dir.root.Remove(filepath.Join(ocispecs.ImageBlobsDir, "sha256", e.Name())))
		}
	}
	return errors.Join(err, dir.root.RemoveAll("ingest"))
}

// Abort removes the stage.
func (s *Stage) Abort() { s.temp.remove() }

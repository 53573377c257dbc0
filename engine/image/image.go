// Package image reads and writes images on disk: OCI layouts (directories and tars) and docker archives. Writes are
// atomic: everything is written beside its final path and then renamed.
package image

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/containerd/platforms"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// maxJSON is the maximum size of an index, manifest or configuration: the limit of registries.
const maxJSON = 4 << 20

// nameAnnotation is the annotation in index.json in which BuildKit, containerd and Docker keep an image's full name.
const nameAnnotation = "io.containerd.image.name"

// Select selects an image of a layout or archive. Zero fields match any image.
type Select struct {
	Digest   digest.Digest     // of the manifest, or of an index above it
	Name     string            // as in index.json: the full name or the tag alone
	Platform ocispecs.Platform // only OS, Architecture and Variant count
}

// Image is one image, open for reading. All its blobs stay open from Open to Close, so it remains readable if a newer
// build replaces the layout in the meantime.
type Image struct {
	Desc     ocispecs.Descriptor // of the manifest
	Manifest ocispecs.Manifest
	Config   ocispecs.Image

	blobs map[digest.Digest]blob
	files []io.Closer
}

// blob is the content of one digest.
type blob struct {
	io.ReaderAt
	size int64
}

// source finds blobs of a layout directory or of an archive.
type source interface {
	index() ([]byte, error)
	open(digest.Digest) (blob, error) // fs.ErrNotExist if there is none
	closers() []io.Closer
}

// Open opens one image of the OCI layout directory, OCI tar or docker archive at path. It returns a Usage fault if there
// is nothing at path or sel matches no image or several, and Refused if the image is broken.
func Open(path string, sel Select) (*Image, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, fault.Wrap(fault.Usage, err, "there is no image at %s", path)
	}
	if !st.IsDir() {
		src, err := openArchive(path)
		if err != nil {
			return nil, err
		}
		return read(src, path, sel)
	}
	var img *Image
	for range 3 { // a build may replace the directory between two reads of it
		var src *layoutDir
		if src, err = openLayout(path); err != nil {
			return nil, err
		}
		if img, err = read(src, path, sel); err == nil || !src.replaced() {
			break
		}
	}
	return img, err
}

// read selects the image and opens its blobs. It takes ownership of src.
func read(src source, path string, sel Select) (_ *Image, err error) {
	img := &Image{blobs: map[digest.Digest]blob{}}
	defer func() {
		img.files = append(img.files, src.closers()...)
		if err != nil {
			img.Close()
		}
	}()
	raw, err := src.index()
	if err != nil {
		return nil, broken(err, "%s is not an OCI layout", path)
	}
	var index ocispecs.Index
	if err := decode(raw, &index); err != nil {
		return nil, broken(err, "%s: index.json is broken", path)
	}
	load := func(desc ocispecs.Descriptor, into any) error { return img.load(src, desc, into) }
	if img.Desc, err = choose(load, index.Manifests, sel); err != nil {
		return nil, broken(err, "%s: the image is broken", path)
	}
	if err := img.open(src); err != nil {
		return nil, broken(err, "%s: image %s is broken or incomplete", path, img.Desc.Digest)
	}
	return img, nil
}

// open reads the manifest and the configuration and opens the layers.
func (i *Image) open(src source) error {
	if err := i.load(src, i.Desc, &i.Manifest); err != nil {
		return err
	}
	if err := i.load(src, i.Manifest.Config, &i.Config); err != nil {
		return err
	}
	for _, l := range i.Manifest.Layers {
		if _, err := i.keep(src, l); err != nil {
			return err
		}
	}
	return nil
}

// keep opens a blob, once, and checks its size against the descriptor.
func (i *Image) keep(src source, desc ocispecs.Descriptor) (blob, error) {
	if b, ok := i.blobs[desc.Digest]; ok {
		return b, nil
	}
	if err := desc.Digest.Validate(); err != nil {
		return blob{}, fmt.Errorf("%q is not a digest: %w", desc.Digest, err)
	}
	b, err := src.open(desc.Digest)
	if err != nil {
		return blob{}, err
	}
	if c, ok := b.ReaderAt.(io.Closer); ok {
		i.files = append(i.files, c)
	}
	if desc.Size != 0 && desc.Size != b.size {
		return blob{}, fault.New(fault.Refused, "blob %s has %d bytes, not %d", desc.Digest, b.size, desc.Size)
	}
	i.blobs[desc.Digest] = b
	return b, nil
}

// load reads a JSON blob and verifies its digest.
func (i *Image) load(src source, desc ocispecs.Descriptor, into any) error {
	b, err := i.keep(src, desc)
	if err != nil {
		return err
	}
	if b.size > maxJSON {
		return fault.New(fault.Refused, "blob %s is too large for a manifest: %d bytes", desc.Digest, b.size)
	}
	raw, err := io.ReadAll(io.NewSectionReader(b, 0, b.size))
	if err != nil {
		return err
	}
	if got := desc.Digest.Algorithm().FromBytes(raw); got != desc.Digest {
		return fault.New(fault.Refused, "blob %s is damaged: its content is %s", desc.Digest, got)
	}
	return decode(raw, into)
}

// choose descends through indexes to the one manifest that sel selects. It keeps one of them at a time: there may be many.
func choose(load func(ocispecs.Descriptor, any) error, descs []ocispecs.Descriptor, sel Select) (ocispecs.Descriptor, error) {
	for {
		desc, err := pick(descs, sel)
		if err == nil && desc.Digest.Validate() != nil {
			err = fmt.Errorf("an entry of the index has the digest %q, which is none", desc.Digest)
		}
		if err != nil || !isIndex(desc.MediaType) {
			return desc, err
		}
		var index ocispecs.Index
		if err := load(desc, &index); err != nil {
			return desc, err
		}
		descs, sel = index.Manifests, Select{Platform: sel.Platform}
	}
}

// pick returns the one entry of an index that sel selects.
func pick(descs []ocispecs.Descriptor, sel Select) (none ocispecs.Descriptor, err error) {
	fits := slices.DeleteFunc(slices.Clone(descs), func(d ocispecs.Descriptor) bool { return !sel.named(d) })
	if sel.Digest == "" && len(distinct(fits)) > 1 && sel.Platform.OS != "" {
		fits = slices.DeleteFunc(fits, func(d ocispecs.Descriptor) bool { return !sel.fitsPlatform(d.Platform) })
	}
	switch fits = distinct(fits); len(fits) {
	case 0:
		return none, fault.New(fault.Usage, "no image matches %s", sel).WithHint("available: %s", names(descs))
	case 1:
		return fits[0], nil
	}
	return none, fault.New(fault.Usage, "there are several images").WithHint("select one: %s", names(fits))
}

// named reports whether sel may select an entry of index.json. Attestations, which have platform "unknown", never match.
func (s Select) named(d ocispecs.Descriptor) bool {
	if d.Platform != nil && d.Platform.OS == "unknown" {
		return false
	}
	if s.Digest != "" && s.Digest != d.Digest {
		return false
	}
	full, tag := d.Annotations[nameAnnotation], d.Annotations[ocispecs.AnnotationRefName]
	return s.Name == "" || s.Name == full || s.Name == tag
}

func (s Select) fitsPlatform(p *ocispecs.Platform) bool {
	return p == nil || platforms.Only(s.Platform).Match(*p)
}

// String describes the selection for messages.
func (s Select) String() string {
	var words []string
	for _, w := range []string{s.Name, s.Digest.String()} {
		if w != "" {
			words = append(words, w)
		}
	}
	if s.Platform.OS != "" {
		words = append(words, "for "+platforms.Format(s.Platform))
	}
	return strings.Join(words, " ")
}

func isIndex(mediaType string) bool {
	return mediaType == ocispecs.MediaTypeImageIndex || mediaType == "application/vnd.docker.distribution.manifest.list.v2+json"
}

// distinct removes entries that repeat a digest under another name.
func distinct(descs []ocispecs.Descriptor) []ocispecs.Descriptor {
	seen := map[digest.Digest]bool{}
	var out []ocispecs.Descriptor
	for _, d := range descs {
		if !seen[d.Digest] {
			seen[d.Digest] = true
			out = append(out, d)
		}
	}
	return out
}

// mostNames is how many entries a message lists.
const mostNames = 10

// names lists the entries for messages.
func names(descs []ocispecs.Descriptor) string {
	seen := map[string]bool{}
	var out []string
	for _, d := range descs {
		if n := called(d); !seen[n] {
			seen[n] = true
			out = append(out, n)
		}
	}
	switch {
	case len(out) == 0:
		return "none"
	case len(out) > mostNames:
		return fmt.Sprintf("%s, … and %d more", strings.Join(out[:mostNames], ", "), len(out)-mostNames)
	}
	return strings.Join(out, ", ")
}

// called returns the name and platform of an entry, or its digest if it has neither.
func called(d ocispecs.Descriptor) string {
	n := d.Annotations[nameAnnotation]
	if n == "" {
		n = d.Annotations[ocispecs.AnnotationRefName]
	}
	if d.Platform != nil {
		n = strings.TrimSpace(n + " " + platforms.Format(*d.Platform))
	}
	n = cmp.Or(n, d.Digest.String())
	if len(n) > maxName {
		n = strings.ToValidUTF8(n[:maxName], "") + "…"
	}
	return n
}

// Close closes the image's files.
func (i *Image) Close() error {
	for _, f := range i.files {
		f.Close()
	}
	i.files = nil
	return nil
}

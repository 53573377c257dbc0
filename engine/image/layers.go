package image

import (
	"io"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// Layer is one layer of an image.
type Layer struct {
	Digest digest.Digest `json:"digest"`
	// Size is the size in a registry, Unpacked the size of the uncompressed tar, both in bytes.
	Size     int64 `json:"size"`
	Unpacked int64 `json:"unpacked"`
	// By is the step that made the layer, from the image's history; "" if the history does not tell.
	By string `json:"by"`
}

// PackedLayers returns the image's layers, the base's first, without their uncompressed size.
func (i *Image) PackedLayers() []Layer {
	var by []string
	for _, h := range i.Config.History {
		if !h.EmptyLayer {
			by = append(by, strings.Join(strings.Fields(h.CreatedBy), " "))
		}
	}
	var out []Layer
	for n, desc := range i.Manifest.Layers {
		l := Layer{Digest: desc.Digest, Size: desc.Size}
		if len(by) == len(i.Manifest.Layers) {
			l.By = by[n]
		}
		out = append(out, l)
	}
	return out
}

// Layers returns the image's layers, the base's first. It reads each layer once to determine its uncompressed size.
func (i *Image) Layers() ([]Layer, error) {
	out := i.PackedLayers()
	sizes := map[digest.Digest]int64{}
	for n := range out {
		d := out[n].Digest
		if _, ok := sizes[d]; !ok {
			size, err := unpacked(i.blobs[d])
			if err != nil {
				return nil, broken(err, "layer %s cannot be read", d)
			}
			sizes[d] = size
		}
		out[n].Unpacked = sizes[d]
	}
	return out, nil
}

// Images returns the images in the stage that desc leads to, one for each platform. They have only their manifests and
// configurations.
func (s *Stage) Images(desc ocispecs.Descriptor) ([]*Image, error) {
	dir, err := openLayout(s.temp.path)
	if err != nil {
		return nil, err
	}
	defer dir.root.Close()
	out, err := staged(dir, desc)
	return out, fault.Wrap(fault.Bug, err, "the image that was built cannot be read")
}

func staged(src source, desc ocispecs.Descriptor) ([]*Image, error) {
	img := &Image{Desc: desc, blobs: map[digest.Digest]blob{}}
	defer img.Close()
	if !isIndex(desc.MediaType) {
		if err := img.load(src, desc, &img.Manifest); err != nil {
			return nil, err
		}
		return []*Image{img}, img.load(src, img.Manifest.Config, &img.Config)
	}
	var index ocispecs.Index
	if err := img.load(src, desc, &index); err != nil {
		return nil, err
	}
	var out []*Image
	for _, d := range index.Manifests {
		if !(Select{}).named(d) {
			continue
		}
		more, err := staged(src, d)
		if err != nil {
			return nil, err
		}
		out = append(out, more...)
	}
	return out, nil
}

// unpacked returns the uncompressed size of a blob.
func unpacked(b blob) (int64, error) {
	var head [4]byte
	if _, err := b.ReadAt(head[:], 0); err != nil {
		return 0, err
	}
	r, err := decompressor(head[:], io.NewSectionReader(b, 0, b.size))
	if err != nil || r == nil {
		return b.size, err
	}
	defer r.Close()
	return io.Copy(io.Discard, r)
}

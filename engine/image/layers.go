package image

import (
	"io"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// Layer is one layer of an image.
type Layer struct {
	Digest digest.Digest `json:"digest"`
	// Size is what a registry keeps of it, Unpacked the length of its tar, both in bytes.
	Size     int64 `json:"size"`
	Unpacked int64 `json:"unpacked"`
	// By is the step that made it, out of the image's history; "" where that does not say.
	By string `json:"by"`
}

// Layers are the image's layers, the base's first. They are read through, for their length.
func (i *Image) Layers() ([]Layer, error) {
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
		var err error
		if l.Unpacked, err = unpacked(i.blobs[desc.Digest]); err != nil {
			return nil, fault.Wrap(fault.Refused, err, "layer %s cannot be read", desc.Digest)
		}
		out = append(out, l)
	}
	return out, nil
}

// unpacked is the length of a blob once it is decompressed.
func unpacked(b blob) (int64, error) {
	var head [4]byte
	if _, err := b.ReadAt(head[:], 0); err != nil {
		return 0, err
	}
	r, err := decompressor(head[:], io.NewSectionReader(b, 0, b.size))
	if err != nil || r == nil {
		return b.size, err
	}
	return io.Copy(io.Discard, r)
}

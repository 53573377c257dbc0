package image

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"path"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// dockerImage is one entry of a docker archive's manifest.json.
type dockerImage struct {
	Config   string
	RepoTags []string
	Layers   []string
}

// convert makes an OCI manifest for a docker archive's image. It returns a descriptor for each of the image's names.
func (a *archive) convert(im dockerImage) ([]ocispecs.Descriptor, error) {
	man := ocispecs.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispecs.MediaTypeImageManifest}
	var err error
	if man.Config, err = a.adopt(im.Config, ocispecs.MediaTypeImageConfig); err != nil {
		return nil, err
	}
	for _, name := range im.Layers {
		l, err := a.adopt(name, ocispecs.MediaTypeImageLayer)
		if err != nil {
			return nil, err
		}
		man.Layers = append(man.Layers, l)
	}
	raw, err := json.Marshal(man)
	if err != nil {
		return nil, err
	}
	desc := ocispecs.Descriptor{MediaType: man.MediaType, Digest: digest.FromBytes(raw), Size: int64(len(raw))}
	a.made[desc.Digest] = blob{bytes.NewReader(raw), desc.Size}
	out := []ocispecs.Descriptor{}
	for _, tag := range im.RepoTags {
		d := desc
		d.Annotations = map[string]string{nameAnnotation: tag}
		out = append(out, d)
	}
	if len(out) == 0 {
		out = append(out, desc)
	}
	return out, nil
}

// adopt makes a file of the archive a blob under its digest.
func (a *archive) adopt(name, mediaType string) (ocispecs.Descriptor, error) {
	b, ok := a.entries[path.Clean(name)]
	if !ok {
		return ocispecs.Descriptor{}, fmt.Errorf("%s is missing", name)
	}
	head := make([]byte, 4)
	if _, err := b.ReadAt(head, 0); err != nil && err != io.EOF {
		return ocispecs.Descriptor{}, err
	}
	if mediaType == ocispecs.MediaTypeImageLayer {
		switch {
		case bytes.HasPrefix(head, gzipMagic):
			mediaType = ocispecs.MediaTypeImageLayerGzip
		case bytes.HasPrefix(head, zstdMagic):
			mediaType = ocispecs.MediaTypeImageLayerZstd
		}
	}
	d, err := a.hash(b)
	if err != nil {
		return ocispecs.Descriptor{}, err
	}
	return ocispecs.Descriptor{MediaType: mediaType, Digest: d, Size: b.size}, nil
}

// hash returns the digest of a file of the archive, which becomes a blob. It reads a file once, however many layers it is.
func (a *archive) hash(b blob) (digest.Digest, error) {
	if d, ok := a.hashed[b]; ok {
		return d, nil
	}
	d, err := digest.FromReader(io.NewSectionReader(b, 0, b.size))
	if err != nil {
		return "", err
	}
	a.made[d], a.hashed[b] = b, d
	return d, nil
}

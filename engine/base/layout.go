package base

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// layoutWriter writes an OCI layout with one image of one layer to a new directory.
type layoutWriter struct {
	dir  string
	last bool // the finished base: compressed, and synced before the rename
}

func newLayout(dir string, last bool) (*layoutWriter, error) {
	if err := os.MkdirAll(filepath.Join(dir, ocispecs.ImageBlobsDir, "sha256"), 0o755); err != nil {
		return nil, err
	}
	return &layoutWriter{dir, last}, nil
}

// layer is a layer's blob and its diff ID.
type layer struct {
	blob   ocispecs.Descriptor
	diffID digest.Digest
}

// addLayer stores the tar that fill writes.
func (l *layoutWriter) addLayer(fill func(io.Writer) error) (layer, error) {
	f, err := os.CreateTemp(l.dir, "layer-")
	if err != nil {
		return layer{}, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	blob, content := sha256.New(), sha256.New()
	media, out := ocispecs.MediaTypeImageLayer, io.MultiWriter(f, blob)
	closing := func() error { return nil }
	if l.last {
		// Use the compression of layout outputs, so that they contain the layer unchanged. Outputs with gzip recompress it
		// once, which takes no longer than compressing it with gzip here.
		z, err := zstd.NewWriter(out)
		if err != nil {
			return layer{}, err
		}
		media, out, closing = ocispecs.MediaTypeImageLayerZstd, z, z.Close
	}
	if err := fill(io.MultiWriter(out, content)); err != nil {
		return layer{}, err
	}
	if err := closing(); err != nil {
		return layer{}, err
	}
	info, err := f.Stat()
	if err != nil {
		return layer{}, err
	}
	d := digest.NewDigest(digest.SHA256, blob)
	if err := l.settle(f, l.path(d)); err != nil {
		return layer{}, err
	}
	return layer{ocispecs.Descriptor{MediaType: media, Digest: d, Size: info.Size()}, digest.NewDigest(digest.SHA256, content)}, nil
}

// settle closes a written file and moves it to its final name.
func (l *layoutWriter) settle(f *os.File, path string) error {
	if err := f.Chmod(0o644); err != nil {
		return err
	}
	if l.last {
		if err := f.Sync(); err != nil {
			return err
		}
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

func (l *layoutWriter) path(d digest.Digest) string {
	return filepath.Join(l.dir, ocispecs.ImageBlobsDir, d.Algorithm().String(), d.Encoded())
}

func (l *layoutWriter) addJSON(media string, v any) (ocispecs.Descriptor, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return ocispecs.Descriptor{}, err
	}
	d := ocispecs.Descriptor{MediaType: media, Digest: digest.FromBytes(raw), Size: int64(len(raw))}
	return d, l.write(l.path(d.Digest), raw)
}

func (l *layoutWriter) write(path string, raw []byte) error {
	f, err := os.CreateTemp(l.dir, "file-")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if _, err := f.Write(raw); err != nil {
		return err
	}
	return l.settle(f, path)
}

// finish writes config, manifest and index. created is the creation time in the config.
func (l *layoutWriter) finish(ly layer, platform ocispecs.Platform, cfg ocispecs.ImageConfig, created time.Time) (*Layout, error) {
	config, err := l.addJSON(ocispecs.MediaTypeImageConfig, ocispecs.Image{
		Created: &created, Platform: platform, Config: cfg,
		RootFS:  ocispecs.RootFS{Type: "layers", DiffIDs: []digest.Digest{ly.diffID}},
		History: []ocispecs.History{{Created: &created, CreatedBy: "a base of Debian packages"}},
	})
	if err != nil {
		return nil, err
	}
	manifest, err := l.addJSON(ocispecs.MediaTypeImageManifest, ocispecs.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispecs.MediaTypeImageManifest,
		Config: config, Layers: []ocispecs.Descriptor{ly.blob},
	})
	if err != nil {
		return nil, err
	}
	manifest.Platform = &platform
	for name, v := range map[string]any{
		ocispecs.ImageLayoutFile: ocispecs.ImageLayout{Version: ocispecs.ImageLayoutVersion},
		ocispecs.ImageIndexFile: ocispecs.Index{Versioned: specs.Versioned{SchemaVersion: 2},
			MediaType: ocispecs.MediaTypeImageIndex, Manifests: []ocispecs.Descriptor{manifest}},
	} {
		raw, err := json.Marshal(v)
		if err != nil {
			return nil, err
		}
		if err := l.write(filepath.Join(l.dir, name), raw); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return &Layout{Dir: l.dir, Digest: manifest.Digest, Config: cfg, Platform: platform}, nil
}

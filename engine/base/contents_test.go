package base

import (
	"archive/tar"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/klauspost/compress/zstd"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/nixpacks-cue/nixpacks/engine/image"
)

// layerOf calls fn with the uncompressed tar of a layout's only layer.
func layerOf(l *Layout, fn func(io.Reader) error) error {
	img, err := image.Open(l.Dir, image.Select{Digest: l.Digest})
	if err != nil {
		return err
	}
	defer img.Close()
	desc := img.Manifest.Layers[0]
	f, err := os.Open(filepath.Join(l.Dir, "blobs/sha256", desc.Digest.Encoded()))
	if err != nil {
		return err
	}
	defer f.Close()
	if desc.MediaType == ocispecs.MediaTypeImageLayer {
		return fn(f)
	}
	z, err := zstd.NewReader(f)
	if err != nil {
		return err
	}
	defer z.Close()
	return fn(z)
}

// contents returns the files of a layout's layer: the content, "-> target", or "/" for a directory.
func contents(t *testing.T, l *Layout) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := layerOf(l, func(r io.Reader) error {
		return eachEntry(r, func(h *tar.Header, r io.Reader) error {
			b, err := io.ReadAll(r)
			switch h.Typeflag {
			case tar.TypeDir:
				out[h.Name] = "/"
			case tar.TypeReg:
				out[h.Name] = string(b)
			default:
				out[h.Name] = "-> " + h.Linkname
			}
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

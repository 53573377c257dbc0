package image

import (
	"archive/tar"
	"encoding/json"
	"io"

	"github.com/opencontainers/go-digest"
)

// Save writes the image as a docker archive, for docker load, with the given name or, if it is "", none. Layers keep
// their compression; Docker before 23 loads only gzip and uncompressed layers.
func (i *Image) Save(w io.Writer, name string) error {
	about := dockerImage{Config: i.Manifest.Config.Digest.Encoded() + ".json"}
	if name != "" {
		about.RepoTags = []string{name}
	}
	tw := tar.NewWriter(w)
	written := map[digest.Digest]bool{}
	put := func(d digest.Digest, path string) error {
		if written[d] {
			return nil
		}
		written[d] = true
		b := i.blobs[d]
		if err := tw.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: path, Mode: 0o644, Size: b.size}); err != nil {
			return err
		}
		_, err := io.Copy(tw, io.NewSectionReader(b, 0, b.size))
		return err
	}
	if err := put(i.Manifest.Config.Digest, about.Config); err != nil {
		return err
	}
	for _, l := range i.Manifest.Layers {
		path := l.Digest.Encoded() + ".tar"
		about.Layers = append(about.Layers, path)
		if err := put(l.Digest, path); err != nil {
			return err
		}
	}
	raw, err := json.Marshal([]dockerImage{about})
	if err != nil {
		return err
	}
	if err := tw.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "manifest.json", Mode: 0o644, Size: int64(len(raw))}); err != nil {
		return err
	}
	if _, err := tw.Write(raw); err != nil {
		return err
	}
	return tw.Close()
}

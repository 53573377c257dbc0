package frontend

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"debug/elf"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/image"
)

// labels tell BuildKit what the frontend needs and what it knows to do: no network; contexts that are other images or
// repositories, results of other frontends as input, requests that build nothing.
var labels = map[string]string{
	"moby.buildkit.frontend.network.none": "true",
	"moby.buildkit.frontend.caps": "moby.buildkit.frontend.inputs,moby.buildkit.frontend.subrequests,moby.buildkit.frontend.contexts," +
		"moby.buildkit.frontend.gitquerystring,moby.buildkit.frontend.contexts.zstd",
}

// program is where the image has this program.
const program = "nixpacks"

// WriteImage makes the frontend's image at dest, an OCI layout directory: nothing but this program, from binaries that are
// statically linked, one for each platform. The same binaries give the same image.
func WriteImage(dest string, binaries []string) error {
	s, err := image.NewStage(dest)
	if err != nil {
		return err
	}
	defer s.Abort()
	index := ocispecs.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispecs.MediaTypeImageIndex}
	seen := map[string]bool{}
	for _, file := range binaries {
		p, err := platformOf(file)
		if err != nil {
			return err
		}
		if seen[p.Architecture] {
			return fault.New(fault.Usage, "two of the programs are for %s", p.Architecture)
		}
		seen[p.Architecture] = true
		m, err := writeManifest(s, file, p)
		if err != nil {
			return err
		}
		index.Manifests = append(index.Manifests, m)
	}
	top := index.Manifests[0]
	if len(index.Manifests) > 1 {
		if top, err = writeJSON(s, ocispecs.MediaTypeImageIndex, index); err != nil {
			return err
		}
	}
	_, err = s.Commit(top, nil)
	return err
}

var architectures = map[elf.Machine]string{elf.EM_X86_64: "amd64", elf.EM_AARCH64: "arm64"}

// platformOf is the platform that a program is for. One that needs libraries is refused: the image has none.
func platformOf(file string) (ocispecs.Platform, error) {
	how := "build it so: CGO_ENABLED=0 GOOS=linux go build -o FILE ./cli/nixpacks, and give --binary FILE"
	f, err := elf.Open(file)
	if err != nil {
		return ocispecs.Platform{}, fault.Wrap(fault.Usage, err, "%s is no program for Linux", file)
	}
	defer f.Close()
	arch, ok := architectures[f.Machine]
	if !ok {
		return ocispecs.Platform{}, fault.New(fault.Usage, "%s is for %v, which no image is made for", file, f.Machine)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return ocispecs.Platform{}, fault.New(fault.Usage, "%s needs the libraries of this machine, and the image has none", file).WithHint("%s", how)
		}
	}
	return ocispecs.Platform{OS: "linux", Architecture: arch}, nil
}

// writeManifest writes the image for one platform.
func writeManifest(s *image.Stage, file string, p ocispecs.Platform) (ocispecs.Descriptor, error) {
	layer, diff, err := layerOf(file)
	if err != nil {
		return ocispecs.Descriptor{}, err
	}
	l, err := writeBlob(s, ocispecs.MediaTypeImageLayerGzip, layer)
	if err != nil {
		return l, err
	}
	epoch := time.Unix(0, 0).UTC()
	c, err := writeJSON(s, ocispecs.MediaTypeImageConfig, ocispecs.Image{
		Platform: p, Created: &epoch,
		Config:  ocispecs.ImageConfig{Entrypoint: []string{"/" + program, "frontend"}, WorkingDir: "/", Labels: labels},
		RootFS:  ocispecs.RootFS{Type: "layers", DiffIDs: []digest.Digest{diff}},
		History: []ocispecs.History{{Created: &epoch, CreatedBy: "nixpacks frontend image"}},
	})
	if err != nil {
		return c, err
	}
	m, err := writeJSON(s, ocispecs.MediaTypeImageManifest, ocispecs.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispecs.MediaTypeImageManifest, Config: c, Layers: []ocispecs.Descriptor{l}})
	m.Platform = &p
	return m, err
}

// layerOf is a layer that holds the program, and the digest of what it is before compression.
func layerOf(file string) ([]byte, digest.Digest, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, "", fault.Wrap(fault.Usage, err, "%s cannot be read", file)
	}
	var packed bytes.Buffer
	plain := digest.Canonical.Digester()
	gz := gzip.NewWriter(&packed)
	tw := tar.NewWriter(io.MultiWriter(gz, plain.Hash()))
	err = tw.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: program, Mode: 0o755, Size: int64(len(raw)), ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR})
	if err == nil {
		_, err = tw.Write(raw)
	}
	for _, c := range []io.Closer{tw, gz} {
		if cerr := c.Close(); err == nil {
			err = cerr
		}
	}
	return packed.Bytes(), plain.Digest(), fault.Wrap(fault.Bug, err, "the frontend's layer cannot be written")
}

func writeJSON(s *image.Stage, mediaType string, v any) (ocispecs.Descriptor, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return ocispecs.Descriptor{}, fault.Wrap(fault.Bug, err, "the frontend's image cannot be written")
	}
	return writeBlob(s, mediaType, raw)
}

func writeBlob(s *image.Stage, mediaType string, raw []byte) (ocispecs.Descriptor, error) {
	d := digest.FromBytes(raw)
	err := os.WriteFile(filepath.Join(s.Dir(), ocispecs.ImageBlobsDir, string(d.Algorithm()), d.Encoded()), raw, 0o644)
	return ocispecs.Descriptor{MediaType: mediaType, Digest: d, Size: int64(len(raw))}, fault.Wrap(fault.Usage, err, "the frontend's image cannot be written")
}

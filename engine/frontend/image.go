package frontend

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"debug/elf"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/nixpacks-cue/nixpacks/engine/catalog"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/image"
)

// labels tell BuildKit what the frontend needs and supports: no network; as contexts other images and repositories, as
// inputs results of other frontends, and requests that build nothing.
var labels = map[string]string{
	"moby.buildkit.frontend.network.none": "true",
	"moby.buildkit.frontend.caps": "moby.buildkit.frontend.inputs,moby.buildkit.frontend.subrequests,moby.buildkit.frontend.contexts," +
		"moby.buildkit.frontend.gitquerystring,moby.buildkit.frontend.contexts.zstd",
}

// program is the path of this program in the image.
const program = "nixpacks"

// PoliciesFlag names the directory with the policies of the frontend's image. BaseFlag names a base and the image that
// replaces it, as REF=IMAGE.
const (
	PoliciesFlag = "policies"
	BaseFlag     = "base"
)

// policiesDir is the directory of the policies in the image, each in its own subdirectory.
const policiesDir = "policies"

// WriteImage writes the frontend's image to dest, an OCI layout directory. It contains only this program, from
// statically linked binaries, one for each platform, and the operator's configuration. The same arguments give the same
// image.
func WriteImage(dest string, binaries []string, op Operator) error {
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
			return fault.New(fault.Usage, "two of the binaries are for %s", p.Architecture)
		}
		seen[p.Architecture] = true
		m, err := writeManifest(s, file, p, op)
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

// platformOf returns the platform of a program. It refuses programs that need shared libraries: the image has none.
func platformOf(file string) (ocispecs.Platform, error) {
	how := "build it with CGO_ENABLED=0 GOOS=linux go build -o FILE ./cli/nixpacks, and give --binary FILE"
	f, err := elf.Open(file)
	if err != nil {
		return ocispecs.Platform{}, fault.Wrap(fault.Usage, err, "%s is not a Linux program", file)
	}
	defer f.Close()
	arch, ok := architectures[f.Machine]
	if !ok {
		return ocispecs.Platform{}, fault.New(fault.Usage, "%s is for %v, which is not supported", file, f.Machine)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return ocispecs.Platform{}, fault.New(fault.Usage, "%s is dynamically linked, but the image has no libraries", file).WithHint("%s", how)
		}
	}
	return ocispecs.Platform{OS: "linux", Architecture: arch}, nil
}

// writeManifest writes the image for one platform.
func writeManifest(s *image.Stage, file string, p ocispecs.Platform, op Operator) (ocispecs.Descriptor, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return ocispecs.Descriptor{}, fault.Wrap(fault.Usage, err, "%s cannot be read", file)
	}
	layers := [][]entry{{{program, 0o755, raw}}}
	start := []string{"/" + program, "frontend"}
	if len(op.Policies) > 0 {
		start = append(start, "--"+PoliciesFlag+"=/"+policiesDir)
		layers = append(layers, policyFiles(op.Policies))
	}
	for _, ref := range slices.Sorted(maps.Keys(op.Bases)) {
		start = append(start, "--"+BaseFlag+"="+ref+"="+op.Bases[ref])
	}
	m := ocispecs.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispecs.MediaTypeImageManifest}
	fs := ocispecs.RootFS{Type: "layers"}
	for _, files := range layers {
		layer, diff, err := layerOf(files)
		if err != nil {
			return ocispecs.Descriptor{}, err
		}
		l, err := writeBlob(s, ocispecs.MediaTypeImageLayerGzip, layer)
		if err != nil {
			return l, err
		}
		m.Layers, fs.DiffIDs = append(m.Layers, l), append(fs.DiffIDs, diff)
	}
	epoch := time.Unix(0, 0).UTC()
	m.Config, err = writeJSON(s, ocispecs.MediaTypeImageConfig, ocispecs.Image{
		Platform: p, Created: &epoch,
		Config:  ocispecs.ImageConfig{Entrypoint: start, WorkingDir: "/", Labels: labels},
		RootFS:  fs,
		History: slices.Repeat([]ocispecs.History{{Created: &epoch, CreatedBy: "nixpacks frontend image"}}, len(layers)),
	})
	if err != nil {
		return m.Config, err
	}
	d, err := writeJSON(s, ocispecs.MediaTypeImageManifest, m)
	d.Platform = &p
	return d, err
}

// entry is a file of a layer.
type entry struct {
	name string
	mode int64
	data []byte
}

// policyFiles returns the files of all policies, each policy in a numbered directory.
func policyFiles(policies [][]catalog.Source) (out []entry) {
	for i, files := range policies {
		for _, f := range files {
			out = append(out, entry{path.Join(policiesDir, fmt.Sprintf("%02d", i+1), path.Base(f.Name)), 0o644, f.Data})
		}
	}
	return out
}

// layerOf returns a compressed layer with the files, and the digest of its uncompressed content.
func layerOf(files []entry) ([]byte, digest.Digest, error) {
	var packed bytes.Buffer
	plain := digest.Canonical.Digester()
	gz := gzip.NewWriter(&packed)
	tw := tar.NewWriter(io.MultiWriter(gz, plain.Hash()))
	var err error
	for _, f := range files {
		if err == nil {
			err = tw.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: f.name, Mode: f.mode, Size: int64(len(f.data)), ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR})
		}
		if err == nil {
			_, err = tw.Write(f.data)
		}
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

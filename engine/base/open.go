package base

import (
	"path/filepath"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/image"
)

// openRef opens PATH or PATH@DIGEST and selects the image for an architecture.
func openRef(ref, arch string) (*Layout, error) {
	dir, want := cutDigest(ref)
	if dir == "" {
		return nil, fault.New(fault.Usage, "%s does not name a directory", layoutScheme+ref).
			WithHint("write oci-layout://PATH or oci-layout://PATH@sha256:…")
	}
	if want != "" {
		if err := want.Validate(); err != nil {
			return nil, fault.New(fault.Usage, "%q in %s is not a digest", want, layoutScheme+ref).
				WithHint("a digest is sha256: followed by 64 hexadecimal digits")
		}
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fault.Wrap(fault.Usage, err, "cannot open %s", dir)
	}
	return openLayout(abs, want, arch)
}

// cutDigest splits PATH@DIGEST. An @ that is not followed by a digest is part of the path.
func cutDigest(ref string) (dir string, d digest.Digest) {
	i := strings.LastIndex(ref, "@")
	if i < 0 || !strings.Contains(ref[i:], ":") || strings.Contains(ref[i:], "/") {
		return ref, ""
	}
	return ref[:i], digest.Digest(ref[i+1:])
}

// openLayout opens the image with digest d ("" selects the one for arch) and checks that all of its blobs exist. The content
// of layers is verified when they are unpacked.
func openLayout(dir string, d digest.Digest, arch string) (*Layout, error) {
	img, err := image.Open(dir, image.Select{Digest: d, Platform: ocispecs.Platform{OS: "linux", Architecture: arch}})
	if err != nil {
		return nil, err
	}
	defer img.Close()
	if a := img.Config.Architecture; a != "" && a != arch {
		return nil, fault.New(fault.Refused, "the image %s in %s is for %s, not for %s", img.Desc.Digest, dir, a, arch).
			WithHint("select the architecture with --platform")
	}
	return &Layout{Dir: dir, Digest: img.Desc.Digest, Config: img.Config.Config, Platform: img.Config.Platform}, nil
}

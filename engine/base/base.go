// Package base prepares base images that are not registry references: a Debian base
// bootstrapped from the Debian archive (debian://trixie), or an OCI layout on disk (oci-layout://PATH).
//
// A Debian base is built in two stages. The first runs in this package without privileges: it reads the signed
// index, chooses the packages, downloads and verifies them, and unpacks the essential ones into a tar. The second
// runs dpkg and must therefore run as a build step: the caller passes a Runner for it. The result is an OCI layout
// with one layer, stored in the cache. A cached base is used without network access until a request
// sets Refresh.
//
// This package is outside the hermetic part of the engine: it uses the clock (to check an index's Valid-Until),
// the host's apt sources and the network.
package base

import (
	"context"
	"io"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

const (
	debianScheme = "debian://"
	layoutScheme = "oci-layout://"
)

// Request describes the wanted base.
type Request struct {
	Ref      string       // debian://SUITE, oci-layout://PATH or oci-layout://PATH@sha256:…
	Arch     string       // GOARCH of the image: amd64, arm64 …
	Nix      bool         // include Nix and the tools of Nixpacks' own base image
	Mirror   string       // URL of the Debian archive; "" uses the host's apt sources
	Date     string       // replaces {date} in Mirror, in DateForm; "" is now
	Keyring  string       // file with the keys that may sign the archive's index; "" uses Debian's keys
	CAFile   string       // PEM file with the certificate authorities for downloads; "" uses the system's
	Auth     []byte       // logins for the archive, in the format of apt's auth.conf
	CacheDir string       // directory for downloads and finished bases
	Refresh  bool         // read the index again even if the base is cached
	Offline  bool         // use only the cache
	Progress func(string) // called with one line per step; may be nil
	// Count is called with the progress of downloads, concurrently from several goroutines: got of all bytes of what, which is
	// "index" or "packages". all is 0 while unknown. Count may be nil.
	Count func(what string, got, all int64)
}

// Layout is an image in an OCI layout directory.
type Layout struct {
	Dir      string
	Digest   digest.Digest // of the manifest, a blob in Dir
	Config   ocispecs.ImageConfig
	Platform ocispecs.Platform
}

// Stage is the second stage of a bootstrap.
type Stage struct {
	Name   string   // shown as progress
	Layout *Layout  // root file system with everything the command needs; removed after the Runner returns
	Args   []string // command to run as root, without network
	Env    []string // environment of the command
}

// Runner runs a stage's command on its file system and writes the resulting file system to out as a complete,
// uncompressed tar stream. It returns an error if the command fails.
type Runner func(ctx context.Context, stage Stage, out io.Writer) error

// IsRef reports whether ref is a base of this package rather than a registry reference.
func IsRef(ref string) bool {
	return strings.HasPrefix(ref, debianScheme) || strings.HasPrefix(ref, layoutScheme)
}

// Resolve returns the layout of a base and builds it first if necessary.
// Faults: Usage for a malformed reference, Refused for a wrong signature, hash or layout,
// TryAgain for network errors.
func Resolve(ctx context.Context, req Request, run Runner) (*Layout, error) {
	if req.Progress == nil {
		req.Progress = func(string) {}
	}
	switch {
	case strings.HasPrefix(req.Ref, layoutScheme):
		return openRef(strings.TrimPrefix(req.Ref, layoutScheme), req.Arch)
	case strings.HasPrefix(req.Ref, debianScheme):
		d, err := newDebian(req)
		if err != nil {
			return nil, err
		}
		return d.resolve(ctx, run)
	}
	return nil, fault.New(fault.Usage, "%q is not a local base", req.Ref).
		WithHint("local bases are debian://SUITE and oci-layout://PATH")
}

// Package base makes ready what a build starts from when that is no registry reference: a Debian base,
// bootstrapped from the Debian archive (debian://trixie), or an OCI layout on disk (oci-layout://PATH).
//
// A Debian base is made in two stages. The first, in this package, needs no privilege: read the signed
// index, choose the packages, download and check them, and unpack the essential ones into a tar. The second
// runs dpkg, and so must run as a build step: the caller hands in a Runner for it. The result is an OCI layout
// with one layer, kept in the cache. A base that is in the cache is used as it is, without a look at the
// network, until a request with Refresh set.
//
// This package is outside the hermetic part of the engine: it reads the clock (is the index still valid?),
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

// Request says which base is wanted.
type Request struct {
	Ref      string       // debian://SUITE, oci-layout://PATH or oci-layout://PATH@sha256:…
	Arch     string       // the image's architecture as Go names it: amd64, arm64 …
	Nix      bool         // with Nix and what Nixpacks' own base has beside it
	Mirror   string       // URL of the Debian archive; "" takes the one of the host's apt sources
	Date     string       // what stands for {date} in Mirror, in DateForm; "" is this moment
	Keyring  string       // file with the keys that may sign the archive's index; "" is Debian's own keys
	CAFile   string       // PEM file with the authorities to trust for downloads; "" is what this machine trusts
	Auth     []byte       // logins for the archive, as apt's auth.conf has them
	CacheDir string       // where downloads and finished bases are kept
	Refresh  bool         // read the index again, even if the base is in the cache
	Offline  bool         // only what is in the cache
	Progress func(string) // told what happens, in one line each; may be nil
	// Count is told how far downloads have come, by several goroutines: got of all bytes of what, which is "index" or
	// "packages"; all is 0 while it is not known. It may be nil.
	Count func(what string, got, all int64)
}

// Layout is an image in an OCI layout directory.
type Layout struct {
	Dir      string
	Digest   digest.Digest // of the image's manifest, a blob in Dir
	Config   ocispecs.ImageConfig
	Platform ocispecs.Platform
}

// Stage is the second stage of a bootstrap.
type Stage struct {
	Name   string   // for progress
	Layout *Layout  // the file system to start from, with all that the command needs; removed when the Runner returns
	Args   []string // the command, to be run as root, without network
	Env    []string // its environment
}

// Runner runs a stage's command on its file system, and writes the resulting file system to out as a tar
// stream, whole and uncompressed. A command that fails is an error.
type Runner func(ctx context.Context, stage Stage, out io.Writer) error

// IsRef reports whether ref is for this package; any other is a registry reference.
func IsRef(ref string) bool {
	return strings.HasPrefix(ref, debianScheme) || strings.HasPrefix(ref, layoutScheme)
}

// Resolve gives the layout of a base, and makes it first where it has to.
// Faults: Usage for a reference that cannot be read, Refused for a signature, hash or layout that is wrong,
// TryAgain for the network.
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
	return nil, fault.New(fault.Usage, "%q is no base of this kind", req.Ref).
		WithHint("bases are debian://SUITE and oci-layout://PATH")
}

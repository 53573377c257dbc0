// Package lock reads and writes nixpacks.lock, the pins of an app's plans and builds. The file lies beside the app's
// configuration and belongs in the app's repository.
package lock

import (
	"bytes"
	"encoding/json"
	"maps"
	"path"
	"strings"

	"github.com/nixpacks-cue/nixpacks/engine/app"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/lazy"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// File is the lock's name, in the app's directory.
const File = "nixpacks.lock"

// MaxModules is the maximum number of modules of one kind in a lock: each is fetched and evaluated.
const MaxModules = 64

// current is the version of the format.
const current = "1"

// Lock is the content of nixpacks.lock. schema/lock.cue is the same in CUE.
type Lock struct {
	// Providers are the modules with providers, Policies those with policies, by their paths with the major version
	// (example.com/lua@v0).
	Providers map[string]Module `json:"providers,omitempty"`
	Policies  map[string]Module `json:"policies,omitempty"`
	// Bases are the images that builds start from, by their references.
	Bases map[string]Base `json:"bases,omitempty"`
	// Nix are the hashes of the archives that Nix packages come from, as in plan.Plan.NixHashes; "" for an archive
	// without a known hash.
	Nix map[string]string `json:"nix,omitempty"`
	// Apt is what apt installs for sets of Debian packages, by their keys (plan.AptSet).
	Apt map[string]Apt `json:"apt,omitempty"`
}

// Base is the pin of an image: the digest of one in a registry, or the hashes of the packages that one is made of
// (debian://SUITE). Keys are variants: amd64, or amd64+nix for an image with Nix in it.
type Base struct {
	Digest   string            `json:"digest,omitempty"`
	Packages map[string]string `json:"packages,omitempty"`
	// Dates are the times at which archives had these packages, by variant.
	Dates map[string]string `json:"dates,omitempty"`
}

// Apt is what apt installs for a set of Debian packages.
type Apt struct {
	Hash string `json:"hash"` // of names, versions, architectures and contents, as in plan.Plan.AptHashes
	Date string `json:"date"` // when archives had them
	// Packages are the versions by package name, including dependencies that the image lacks.
	Packages map[string]string `json:"packages"`
}

// Module is the pin of a module.
type Module struct {
	Version string `json:"version"`
	Digest  string `json:"digest"` // of the module's manifest in its registry
}

// Pin is a module and its pin.
type Pin struct {
	Path string // with the major version
	Module
}

// String returns the module with its version: example.com/lua@v0.1.0.
func (p Pin) String() string {
	base, _, _ := strings.Cut(p.Path, "@")
	return base + "@" + p.Version
}

// Path returns the path of an app's lock, relative to the app's directory: there, or else, for an app that is part of a
// repository, at the root of the repository.
func Path(a *app.App) string {
	repository, place := a.Repository()
	if _, own := a.Stat(File); own || repository == nil {
		return File
	}
	return strings.Repeat("../", strings.Count(place, "/")+1) + File
}

// Of reads the lock of an app. An app without one has an empty lock. Errors are faults (Refused) with their positions.
func Of(a *app.App) (*Lock, error) {
	file := Path(a)
	text, ok, err := a.Text(file)
	if err != nil || !ok {
		return &Lock{}, err
	}
	_, place := a.Repository()
	return Parse([]byte(text), path.Join(place, file)) // positions are relative to the repository
}

// Parse reads a lock. Positions name file.
func Parse(data []byte, file string) (*Lock, error) {
	n, err := plan.ParseJSON(data, file)
	if err != nil {
		return nil, err
	}
	r := &reader{text: data}
	l := r.lock(n)
	if len(r.faults) > 0 {
		return nil, r.joined()
	}
	return l, nil
}

// Set pins a module in among, which is Providers or Policies of a lock. It replaces an existing pin.
func Set(among *map[string]Module, p Pin) {
	if *among == nil {
		*among = map[string]Module{}
	}
	(*among)[p.Path] = p.Module
}

// Clone returns a copy whose pins can change without changing those of l.
func (l *Lock) Clone() *Lock {
	out := &Lock{Providers: maps.Clone(l.Providers), Policies: maps.Clone(l.Policies), Bases: maps.Clone(l.Bases), Nix: maps.Clone(l.Nix), Apt: maps.Clone(l.Apt)}
	for ref, b := range out.Bases {
		b.Packages, b.Dates = maps.Clone(b.Packages), maps.Clone(b.Dates)
		out.Bases[ref] = b
	}
	return out
}

// Empty reports whether nothing is pinned.
func (l *Lock) Empty() bool {
	return len(l.Providers)+len(l.Policies)+len(l.Bases)+len(l.Nix)+len(l.Apt) == 0
}

// JSON returns the lock's file. The same pins give the same bytes.
func (l *Lock) JSON() []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	_ = e.Encode(struct { // it holds only strings and maps, which always encode
		Version json.Number `json:"version"`
		*Lock
	}{current, l})
	return b.Bytes()
}

// The forms of values in a lock, as in schema/lock.cue.
var (
	pathForm    = lazy.Regexp(`^[a-z0-9][a-z0-9._/-]*@v[0-9]+$`)
	versionForm = lazy.Regexp(`^v[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$`)
	variantForm = lazy.Regexp(`^[a-z0-9]+(\+nix)?$`)
	hashForm    = lazy.Regexp(`^((sha256[-:])?[0-9A-Za-z+/]{43,64}=?)?$`)
	dateForm    = lazy.Regexp(`^[0-9]{8}T[0-9]{6}Z$`)
	setForm     = lazy.Regexp(`^[^ \n\x00@]+ [a-z0-9]+(\+nix)?( [^ \n\x00]+)+$`)
	digestForm  = lazy.Regexp(`^sha256:[0-9a-f]{64}$`)
)

// IsDigest reports whether s is a digest in the form that locks use.
func IsDigest(s string) bool { return digestForm().MatchString(s) }

func mistake(at fault.Pos, text []byte, format string, args ...any) *fault.Fault {
	return fault.New(fault.Refused, format, args...).WithPos(at).WithSource(text)
}

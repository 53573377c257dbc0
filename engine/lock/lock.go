// Package lock is nixpacks.lock: what the plans and builds of an app are pinned to, as data. It lies beside the app's
// configuration, and belongs into the app's repository.
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

// MaxModules is how many modules one lock may name: each is fetched and evaluated.
const MaxModules = 64

// current is the version of the format.
const current = "1"

// Lock is what nixpacks.lock says. schema/lock.cue has the same as CUE.
type Lock struct {
	// Providers are the modules with providers, and Policies those with policies, by their paths with the major version
	// (example.com/lua@v0).
	Providers map[string]Module `json:"providers,omitempty"`
	Policies  map[string]Module `json:"policies,omitempty"`
	// Bases are the images that builds start from, by their references.
	Bases map[string]Base `json:"bases,omitempty"`
	// Nix are the hashes of the archives that Nix packages come from, as plans have them (plan.Plan.NixHashes); "" for an
	// archive of which none is known.
	Nix map[string]string `json:"nix,omitempty"`
	// Apt is what apt takes for sets of Debian packages that builds install, by their keys (plan.AptSet).
	Apt map[string]Apt `json:"apt,omitempty"`
}

// Base is what an image is pinned to: one of a registry to its digest, and one that is made of packages (debian://SUITE) to
// the hash of these, by its variant: amd64, or amd64+nix for one with Nix in it.
type Base struct {
	Digest   string            `json:"digest,omitempty"`
	Packages map[string]string `json:"packages,omitempty"`
	// Dates are when archives had these packages, by variant.
	Dates map[string]string `json:"dates,omitempty"`
}

// Apt is what apt takes for a set of Debian packages.
type Apt struct {
	Hash string `json:"hash"` // of names, versions, architectures and contents, as plans have it (plan.Plan.AptHashes)
	Date string `json:"date"` // when archives had them
	// Packages are their versions by their names, those included that the set needs and the image has not.
	Packages map[string]string `json:"packages"`
}

// Module is what a module is pinned to.
type Module struct {
	Version string `json:"version"`
	Digest  string `json:"digest"` // of the module's manifest in its registry
}

// Pin is a module with what it is pinned to.
type Pin struct {
	Path string // with the major version
	Module
}

// String is the module as people write it: example.com/lua@v0.1.0.
func (p Pin) String() string {
	base, _, _ := strings.Cut(p.Path, "@")
	return base + "@" + p.Version
}

// Path is where an app's lock is, from the app's directory: there, or else, for one that is part of a repository, at the top of
// that.
func Path(a *app.App) string {
	repository, place := a.Repository()
	if _, own := a.Stat(File); own || repository == nil {
		return File
	}
	return strings.Repeat("../", strings.Count(place, "/")+1) + File
}

// Of reads the lock of an app; one without has an empty lock. What is wrong with it is a fault (Refused) with its place.
func Of(a *app.App) (*Lock, error) {
	file := Path(a)
	text, ok, err := a.Text(file)
	if err != nil || !ok {
		return &Lock{}, err
	}
	_, place := a.Repository()
	return Parse([]byte(text), path.Join(place, file)) // as all places in a repository
}

// Parse reads a lock; file is what places begin with.
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

// Set pins a module among those of the lock, Providers or Policies, in place of its pin so far.
func Set(among *map[string]Module, p Pin) {
	if *among == nil {
		*among = map[string]Module{}
	}
	(*among)[p.Path] = p.Module
}

// Clone is a lock with the same pins, of which none is shared.
func (l *Lock) Clone() *Lock {
	out := &Lock{Providers: maps.Clone(l.Providers), Policies: maps.Clone(l.Policies), Bases: maps.Clone(l.Bases), Nix: maps.Clone(l.Nix), Apt: maps.Clone(l.Apt)}
	for ref, b := range out.Bases {
		b.Packages, b.Dates = maps.Clone(b.Packages), maps.Clone(b.Dates)
		out.Bases[ref] = b
	}
	return out
}

// Empty tells whether nothing is pinned.
func (l *Lock) Empty() bool {
	return len(l.Providers)+len(l.Policies)+len(l.Bases)+len(l.Nix)+len(l.Apt) == 0
}

// JSON is the lock's file: the same bytes for the same pins.
func (l *Lock) JSON() []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	_ = e.Encode(struct { // it holds texts and maps of texts, which always encode
		Version json.Number `json:"version"`
		*Lock
	}{current, l})
	return b.Bytes()
}

// The forms of what a lock says, as schema/lock.cue has them.
var (
	pathForm    = lazy.Regexp(`^[a-z0-9][a-z0-9._/-]*@v[0-9]+$`)
	versionForm = lazy.Regexp(`^v[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$`)
	variantForm = lazy.Regexp(`^[a-z0-9]+(\+nix)?$`)
	hashForm    = lazy.Regexp(`^((sha256[-:])?[0-9A-Za-z+/]{43,64}=?)?$`)
	dateForm    = lazy.Regexp(`^[0-9]{8}T[0-9]{6}Z$`)
	setForm     = lazy.Regexp(`^[^ \n\x00@]+ [a-z0-9]+(\+nix)?( [^ \n\x00]+)+$`)
	digestForm  = lazy.Regexp(`^sha256:[0-9a-f]{64}$`)
)

// IsDigest tells whether a text is a digest as locks have them.
func IsDigest(s string) bool { return digestForm().MatchString(s) }

func mistake(at fault.Pos, text []byte, format string, args ...any) *fault.Fault {
	return fault.New(fault.Refused, format, args...).WithPos(at).WithSource(text)
}

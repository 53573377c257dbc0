// Package lock is nixpacks.lock: what the plans and builds of an app are pinned to, as data. It lies beside the app's
// configuration, and belongs into the app's repository.
package lock

import (
	"bytes"
	"encoding/json"
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
	// Providers are the modules with providers, by their paths with the major version (example.com/lua@v0).
	Providers map[string]Module
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

// Of reads the lock of an app; one without has an empty lock. What is wrong with it is a fault (Refused) with its place.
func Of(a *app.App) (*Lock, error) {
	text, ok, err := a.Text(File)
	if err != nil || !ok {
		return &Lock{}, err
	}
	return Parse([]byte(text), File)
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

// SetProvider pins a module with providers, in place of its pin so far.
func (l *Lock) SetProvider(p Pin) {
	if l.Providers == nil {
		l.Providers = map[string]Module{}
	}
	l.Providers[p.Path] = p.Module
}

// Empty tells whether nothing is pinned.
func (l *Lock) Empty() bool { return len(l.Providers) == 0 }

// JSON is the lock's file: the same bytes for the same pins.
func (l *Lock) JSON() []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	_ = e.Encode(struct { // it holds texts and maps of texts, which always encode
		Version   json.Number       `json:"version"`
		Providers map[string]Module `json:"providers,omitempty"`
	}{current, l.Providers})
	return b.Bytes()
}

// The forms of what a lock says, as schema/lock.cue has them.
var (
	pathForm    = lazy.Regexp(`^[a-z0-9][a-z0-9._/-]*@v[0-9]+$`)
	versionForm = lazy.Regexp(`^v[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$`)
	digestForm  = lazy.Regexp(`^sha256:[0-9a-f]{64}$`)
)

// IsDigest tells whether a text is a digest as locks have them.
func IsDigest(s string) bool { return digestForm().MatchString(s) }

func mistake(at fault.Pos, text []byte, format string, args ...any) *fault.Fault {
	return fault.New(fault.Refused, format, args...).WithPos(at).WithSource(text)
}

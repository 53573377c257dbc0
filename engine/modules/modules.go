// Package modules has CUE modules from OCI registries: it publishes them, finds out what a version is, and fetches what a pin
// names. Where a module is, says CUE_REGISTRY alone, as with the cue command.
//
// This package is outside the hermetic part of the engine: it uses the network, and docker's and cue's logins. What it gives
// is a file system in memory, whose bytes are those that a digest names.
package modules

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"cuelabs.dev/go/oci/ociregistry"
	"cuelang.org/go/mod/modconfig"
	"cuelang.org/go/mod/module"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/lock"
	"github.com/nixpacks-cue/nixpacks/engine/stall"
)

// Options say how registries are reached.
type Options struct {
	Env     []string     // K=V: CUE_REGISTRY, where docker and cue keep logins, proxies
	Cache   string       // the directory with what was fetched before
	Offline bool         // only what is there
	Say     func(string) // gets a line about what is fetched; may be nil
}

// Registries are those that CUE_REGISTRY names.
type Registries struct {
	opt     Options
	resolve func() (*modconfig.Resolver, error)
}

// patience is how long a registry may bring nothing. Tests have less.
var patience = 30 * time.Second

// Open gives the registries. Nothing is read before it is needed.
func Open(opt Options) *Registries {
	r := &Registries{opt: opt}
	r.resolve = sync.OnceValues(func() (*modconfig.Resolver, error) {
		return modconfig.NewResolver(&modconfig.Config{
			Env:        append([]string{}, opt.Env...), // nil would be this process's own
			Transport:  stall.Transport(http.DefaultTransport, patience),
			ClientType: "nixpacks",
		})
	})
	return r
}

// place is where a module is: in a repository of a registry, under a tag.
type place struct {
	host, repo, tag string
	registry        ociregistry.Interface
}

// String is the place as people write it.
func (p place) String() string { return p.host + "/" + p.repo }

// place finds out where a module is; version may be "", and tag is then what tags begin with.
func (r *Registries) place(base, version string) (place, error) {
	resolver, err := r.resolve()
	if err != nil {
		return place{}, fault.Wrap(fault.Usage, err, "CUE_REGISTRY cannot be read: %v", err)
	}
	at, ok := resolver.ResolveToLocation(base, version)
	if !ok {
		return place{}, fault.New(fault.Usage, "there is no registry for %s: CUE_REGISTRY says none", base).
			WithHint("set it to the registry that has the module, such as CUE_REGISTRY=registry.example.com")
	}
	loc, err := resolver.ResolveToRegistry(base, version)
	if err != nil {
		return place{}, fault.Wrap(fault.Usage, err, "the registry %s cannot be used: %v", at.Host, err)
	}
	return place{at.Host, loc.Repository, loc.Tag, loc.Registry}, nil
}

// pauses are those before another try with a registry that is in trouble. Tests have shorter ones.
var pauses = []time.Duration{time.Second / 2, 2 * time.Second}

// insistently calls ask, and once more after each pause while what it fails of may pass.
func insistently(ctx context.Context, at place, what string, ask func() error) error {
	for _, pause := range pauses {
		err := ask()
		if err == nil {
			return nil
		}
		f, passes := at.fault(ctx, err, what)
		if !passes {
			return f
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return fault.New(fault.Interrupted, "interrupted")
		}
	}
	if err := ask(); err != nil {
		f, _ := at.fault(ctx, err, what)
		return f
	}
	return nil
}

// PinOf is the pin of MODULE@VERSION to a digest.
func PinOf(name, digest string) (lock.Pin, error) {
	base, v, _ := strings.Cut(name, "@")
	mv, err := version(base, v, fmt.Sprintf("%q", name))
	if err != nil {
		return lock.Pin{}, err
	}
	return lock.Pin{Path: mv.Path(), Module: lock.Module{Version: mv.Version(), Digest: digest}}, nil
}

// version is a module's version; text is what stands in messages for it.
func version(path, v, text string) (module.Version, error) {
	mv, err := module.NewVersion(path, v)
	if err != nil {
		return mv, fault.New(fault.Usage, "%s is no version of a module: %v", text, err).WithHint("one looks like example.com/lua@v0.1.0")
	}
	return mv, nil
}

// blob is the path of what has a digest, in the cache.
func (r *Registries) blob(hex string) string { return filepath.Join(r.opt.Cache, "sha256", hex) }

func (r *Registries) say(line string) {
	if r.opt.Say != nil {
		r.opt.Say(line)
	}
}

// Package modules works with CUE modules in OCI registries: it publishes them, resolves versions, and fetches
// pinned modules. As with the cue command, only CUE_REGISTRY determines the registry of a module.
//
// This package is outside the hermetic part of the engine: it uses the network, and the credentials of docker and cue. It
// returns in-memory file systems whose content matches a digest.
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

// Options configure access to registries.
type Options struct {
	Env     []string     // K=V: CUE_REGISTRY, the locations of docker's and cue's credentials, proxies
	Cache   string       // directory of the cache
	Offline bool         // use only the cache
	Say     func(string) // called with a line for each fetched module; may be nil
}

// Registries are the registries of CUE_REGISTRY.
type Registries struct {
	opt     Options
	resolve func() (*modconfig.Resolver, error)
}

// patience is how long a registry may stall. Tests shorten it.
var patience = 30 * time.Second

// Open returns the registries. It reads no configuration until it is needed.
func Open(opt Options) *Registries {
	r := &Registries{opt: opt}
	r.resolve = sync.OnceValues(func() (*modconfig.Resolver, error) {
		return modconfig.NewResolver(&modconfig.Config{
			Env: append([]string{}, opt.Env...), // nil would be the process environment
			// CUE's client decodes tokens, tags and errors of any size. Only blobs have as many bytes as this.
			Transport:  &counted{next: stall.Limit(stall.Transport(http.DefaultTransport, patience), maxPacked)},
			ClientType: "nixpacks",
		})
	})
	return r
}

// place is the location of a module: a repository of a registry, and a tag.
type place struct {
	host, repo, tag string
	registry        ociregistry.Interface
}

// String formats the place as HOST/REPOSITORY.
func (p place) String() string { return p.host + "/" + p.repo }

// place resolves the location of a module. If version is "", tag is the prefix of tags.
func (r *Registries) place(base, version string) (place, error) {
	resolver, err := r.resolve()
	if err != nil {
		return place{}, fault.Wrap(fault.Usage, err, "CUE_REGISTRY cannot be read: %v", err)
	}
	at, ok := resolver.ResolveToLocation(base, version)
	if !ok {
		return place{}, fault.New(fault.Usage, "there is no registry for %s: CUE_REGISTRY is none", base).
			WithHint("set it to the registry of the module, such as CUE_REGISTRY=registry.example.com")
	}
	loc, err := resolver.ResolveToRegistry(base, version)
	if err != nil {
		return place{}, fault.Wrap(fault.Usage, err, "the registry %s cannot be used: %v", at.Host, err)
	}
	return place{at.Host, loc.Repository, loc.Tag, loc.Registry}, nil
}

// pauses are the pauses before the retries of a failed request. Tests shorten them.
var pauses = []time.Duration{time.Second / 2, 2 * time.Second}

// insistently calls ask and retries it after each pause as long as the error may be temporary.
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

// PinOf pins MODULE@VERSION to a digest.
func PinOf(name, digest string) (lock.Pin, error) {
	base, v, _ := strings.Cut(name, "@")
	mv, err := version(base, v, fmt.Sprintf("%q", name))
	if err != nil {
		return lock.Pin{}, err
	}
	return lock.Pin{Path: mv.Path(), Module: lock.Module{Version: mv.Version(), Digest: digest}}, nil
}

// version parses a module's version. text stands for it in messages.
func version(path, v, text string) (module.Version, error) {
	mv, err := module.NewVersion(path, v)
	if err != nil {
		return mv, fault.New(fault.Usage, "%s is not a module version: %v", text, err).WithHint("write a version such as example.com/lua@v0.1.0")
	}
	return mv, nil
}

// blob returns the path in the cache for a digest.
func (r *Registries) blob(hex string) string { return filepath.Join(r.opt.Cache, "sha256", hex) }

func (r *Registries) say(line string) {
	if r.opt.Say != nil {
		r.opt.Say(line)
	}
}

package modules

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"cuelabs.dev/go/oci/ociregistry"
	"cuelang.org/go/mod/modregistry"
	"cuelang.org/go/mod/module"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/lock"
)

// Limits of a module. Providers are text: the largest built-in one has 100 KB with all its cases.
const (
	maxManifest = 64 << 10
	maxPacked   = 8 << 20  // size of the archive in bytes
	maxUnpacked = 32 << 20 // total size of its files in bytes
	maxFiles    = 4096
)

// Latest stands for the newest version.
const Latest = "latest"

// Find resolves MODULE@VERSION and fetches the module. VERSION is v0.1.0, v0 for the newest version of that major version, or
// latest. Find always contacts the registry.
func (r *Registries) Find(ctx context.Context, name string) (*Module, error) {
	base, v, ok := strings.Cut(name, "@")
	if !ok || base == "" || v == "" {
		return nil, fault.New(fault.Usage, "%q is not MODULE@VERSION", name).WithHint("write example.com/lua@v0.1.0, or example.com/lua@%s for the newest", Latest)
	}
	if r.opt.Offline {
		return nil, needsRegistry(name)
	}
	if v == Latest || !strings.Contains(v, ".") {
		var err error
		if v, err = r.newest(ctx, base, v, name); err != nil {
			return nil, err
		}
	}
	mv, err := version(base, v, name)
	if err != nil {
		return nil, err
	}
	at, err := r.place(mv.BasePath(), mv.Version())
	if err != nil {
		return nil, err
	}
	var digest string
	err = insistently(ctx, at, "find "+mv.String(), func() error {
		m, err := readAll(maxManifest)(at.registry.GetTag(ctx, at.repo, at.tag))
		digest = digestOf(m)
		return err
	})
	if err != nil {
		return nil, err
	}
	return r.Get(ctx, lock.Pin{Path: mv.Path(), Module: lock.Module{Version: mv.Version(), Digest: digest}})
}

// Newer finds and fetches the newest version of a module within the pinned major version. It returns nil if that is not newer
// than the pinned version. It does not check the pinned version in the registry, because versions are immutable.
func (r *Registries) Newer(ctx context.Context, pin lock.Pin) (*Module, error) {
	if r.opt.Offline {
		return nil, needsRegistry(pin.Path)
	}
	base, major, _ := strings.Cut(pin.Path, "@")
	v, err := r.newest(ctx, base, major, pin.Path)
	if err != nil {
		return nil, err
	}
	is, err := version(pin.Path, v, base+"@"+v)
	if err != nil {
		return nil, err
	}
	was, err := version(pin.Path, pin.Version, pin.String())
	if err != nil || is.Compare(was) <= 0 {
		return nil, err
	}
	return r.Find(ctx, base+"@"+v)
}

func needsRegistry(name string) error {
	return fault.New(fault.Usage, "resolving %s needs a registry, but --offline prevents this", name)
}

// newest returns the newest version of a module within a major version, or of all. A prerelease such as v0.2.0-rc.1 counts only
// if there is no release.
func (r *Registries) newest(ctx context.Context, base, major, name string) (string, error) {
	path := base
	if major != Latest {
		path += "@" + major
	}
	at, err := r.place(base, "")
	if err != nil {
		return "", err
	}
	if _, err := version(base, "v0.0.0", name); err != nil {
		return "", err
	}
	resolver, _ := r.resolve()
	var all []string
	err = insistently(ctx, at, "find the versions of "+base, func() (err error) {
		all, err = modregistry.NewClientWithResolver(resolver).ModuleVersions(ctx, path)
		return err
	})
	if err != nil {
		return "", err
	}
	if len(all) == 0 {
		return "", fault.New(fault.Refused, "the registry %s has no version of %s, or denies access to it", at.host, path).
			WithHint("CUE_REGISTRY maps modules to registries; to log in: docker login %s", at.host)
	}
	for _, v := range slices.Backward(all) {
		if !strings.Contains(v, "-") {
			return v, nil
		}
	}
	return all[len(all)-1], nil
}

// Get returns the module of a pin, from the cache or fetched by its digest. Content of the cache or registry that does not
// match the digest is refused.
func (r *Registries) Get(ctx context.Context, pin lock.Pin) (*Module, error) {
	mv, err := version(pin.Path, pin.Version, pin.String())
	if err != nil {
		return nil, err
	}
	if !lock.IsDigest(pin.Digest) {
		return nil, fault.New(fault.Usage, "%q is not a module digest", pin.Digest).WithHint("a digest is sha256: followed by 64 hexadecimal digits")
	}
	manifest, _, err := r.part(ctx, mv, pin, pin.Digest, maxManifest, ociregistry.Interface.GetManifest)
	if err != nil {
		return nil, err
	}
	zip, err := archiveOf(manifest, pin)
	if err != nil {
		return nil, err
	}
	packed, from, err := r.part(ctx, mv, pin, zip.Digest.String(), maxPacked, ociregistry.Interface.GetBlob)
	if err != nil {
		return nil, err
	}
	m, err := unpack(mv, packed)
	if err != nil {
		return nil, err
	}
	m.Pin = pin
	if from != "" {
		r.say("fetched " + pin.String() + " (" + pin.Digest + ") from " + from)
	}
	return m, nil
}

// part returns the content with the given digest from the cache or a registry. from names the registry, or is "" for the cache.
func (r *Registries) part(ctx context.Context, mv module.Version, pin lock.Pin, digest string, most int64,
	get func(ociregistry.Interface, context.Context, string, ociregistry.Digest) (ociregistry.BlobReader, error)) (data []byte, from string, err error) {
	if data, ok := r.kept(digest); ok {
		return data, "", nil
	}
	if r.opt.Offline {
		return nil, "", fault.New(fault.TryAgain, "the module %s (%s) is not on this machine, and --offline prevents fetching it", pin, pin.Digest).
			WithHint("run once without --offline to cache it")
	}
	at, err := r.place(mv.BasePath(), mv.Version())
	if err != nil {
		return nil, "", err
	}
	err = insistently(ctx, at, "fetch "+pin.String(), func() error {
		data, err = readAll(most)(get(at.registry, ctx, at.repo, ociregistry.Digest(digest)))
		// The client also reports a mismatch if the registry announces the right digest.
		if got := digestOf(data); got != digest && (err == nil || strings.Contains(err.Error(), "digest mismatch")) {
			return errDigest{digest, got}
		}
		return err
	})
	if err != nil {
		return nil, "", err
	}
	return data, at.String(), r.keep(digest, data)
}

// Missing reports whether a pinned module would have to be fetched.
func (r *Registries) Missing(pin lock.Pin) bool {
	raw, ok := r.kept(pin.Digest)
	if !ok {
		return true
	}
	zip, err := archiveOf(raw, pin)
	if err != nil {
		return false // Get reports the error
	}
	_, ok = r.kept(zip.Digest.String())
	return !ok
}

// Where returns the address of a module, HOST/REPOSITORY, or "" if CUE_REGISTRY has no registry for it.
func (r *Registries) Where(pin lock.Pin) string {
	mv, err := version(pin.Path, pin.Version, pin.String())
	if err != nil {
		return ""
	}
	at, err := r.place(mv.BasePath(), mv.Version())
	if err != nil {
		return ""
	}
	return at.String()
}

// archiveOf returns the descriptor of the module's archive in a manifest.
func archiveOf(manifest []byte, pin lock.Pin) (ocispec.Descriptor, error) {
	var m ocispec.Manifest
	err := json.Unmarshal(manifest, &m)
	const config, content = "application/vnd.cue.module.v1+json", "application/zip"
	if err != nil || m.Config.MediaType != config || len(m.Layers) != 2 || m.Layers[0].MediaType != content || !lock.IsDigest(m.Layers[0].Digest.String()) {
		return ocispec.Descriptor{}, fault.New(fault.Refused, "%s (%s) is not a CUE module", pin, pin.Digest).
			WithHint("publish modules with nixpacks providers publish or cue mod publish")
	}
	return m.Layers[0], nil
}

// readAll returns a function that reads a registry's response of at most most bytes.
func readAll(most int64) func(ociregistry.BlobReader, error) ([]byte, error) {
	return func(from ociregistry.BlobReader, err error) ([]byte, error) {
		if err != nil {
			return nil, err
		}
		defer from.Close()
		data, err := io.ReadAll(io.LimitReader(from, most+1))
		if err == nil && int64(len(data)) > most {
			err = errLarge{most}
		}
		return data, err
	}
}

func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// kept returns the content with a digest from the cache. It ignores content that does not match the digest.
func (r *Registries) kept(digest string) ([]byte, bool) {
	f, err := os.Open(r.blob(strings.TrimPrefix(digest, "sha256:")))
	if err != nil {
		return nil, false
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxPacked+1))
	return data, err == nil && digestOf(data) == digest
}

// keep writes content to the cache atomically, so that no other process sees a partial file.
func (r *Registries) keep(digest string, data []byte) error {
	name := r.blob(strings.TrimPrefix(digest, "sha256:"))
	fail := func(err error) error { return fault.Wrap(fault.TryAgain, err, "cannot write the cache: %v", err) }
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return fail(err)
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".part-")
	if err != nil {
		return fail(err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	return fail(err)
}

package modules

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"cuelabs.dev/go/oci/ociregistry"
	"cuelabs.dev/go/oci/ociregistry/ocimem"
	"cuelang.org/go/mod/modregistry"
	"cuelang.org/go/mod/module"
	"cuelang.org/go/mod/modzip"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/lock"
)

// Packed is a module ready to be published, identical to what `cue mod publish` would push for the same folder.
type Packed struct {
	*Module
	version  module.Version
	manifest []byte
	from     ociregistry.Interface // holds the manifest and its blobs
}

// Pack creates a module from a folder with a cue.mod/module.cue. It leaves out symlinks and nested git repositories.
func Pack(ctx context.Context, dir, v string) (*Packed, error) {
	name := filepath.ToSlash(filepath.Join(dir, filepath.FromSlash(moduleFile)))
	text, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(moduleFile)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.Usage, "%s is not a module: it has no %s", dir, moduleFile).
			WithHint("create it with: module: \"example.com/lua@v0\", language: version: \"v0.17.0\", source: kind: \"self\"")
	}
	if err != nil {
		return nil, fault.Wrap(fault.Usage, err, "cannot read %s", name)
	}
	mod, err := describe(text, name)
	if err != nil {
		return nil, err
	}
	if mod.Source == nil || mod.Source.Kind != "self" {
		return nil, fault.New(fault.Usage, "%s does not declare the folder as the source of the module", name).WithPos(fault.Pos{File: name}).
			WithHint("add to it: source: kind: \"self\"\nor publish with cue mod publish, which supports other sources")
	}
	mv, err := version(mod.QualifiedModule(), v, "version "+v+" of "+mod.QualifiedModule())
	if err != nil {
		return nil, err
	}
	var zip bytes.Buffer
	if err := modzip.CreateFromDir(&zip, mv, dir); err != nil {
		return nil, fault.New(fault.Usage, "%s cannot be packed: %v", dir, err)
	}
	return pack(ctx, mv, zip.Bytes())
}

// pack lets CUE create the manifest by publishing to an in-memory registry.
func pack(ctx context.Context, mv module.Version, zip []byte) (*Packed, error) {
	if len(zip) > maxPacked {
		return nil, fault.New(fault.Usage, "%s is too large for a provider module: it has %d MB, the limit is %d MB", mv, len(zip)>>20, maxPacked>>20)
	}
	m, err := unpack(mv, zip)
	if err != nil {
		return nil, err
	}
	p := &Packed{Module: m, version: mv, from: ocimem.New()}
	client := modregistry.NewClient(p.from)
	if err := client.PutModule(ctx, mv, bytes.NewReader(zip), int64(len(zip))); err != nil {
		return nil, fault.New(fault.Usage, "%s cannot be packed: %v", mv, err)
	}
	if p.manifest, err = readAll(maxManifest)(p.from.GetTag(ctx, mv.BasePath(), mv.Version())); err != nil {
		return nil, fault.Wrap(fault.Bug, err, "%s cannot be packed", mv)
	}
	m.Pin = lock.Pin{Path: mv.Path(), Module: lock.Module{Version: mv.Version(), Digest: digestOf(p.manifest)}}
	return p, nil
}

// Published is the location of a published module.
type Published struct {
	Ref   string // HOST/REPOSITORY:TAG
	There bool   // it was published before
}

// Publish pushes a module. An existing version with other content is not overwritten, because others may have pinned it: that
// is a fault (Refused).
func (r *Registries) Publish(ctx context.Context, p *Packed) (Published, error) {
	at, err := r.place(p.version.BasePath(), p.version.Version())
	if err != nil {
		return Published{}, err
	}
	out := Published{Ref: at.String() + ":" + at.tag}
	err = insistently(ctx, at, "publish "+p.String(), func() error {
		there, err := at.registry.ResolveTag(ctx, at.repo, at.tag)
		switch {
		case err == nil && there.Digest.String() == p.Digest:
			out.There = true
			return nil
		case err == nil:
			return fault.New(fault.Refused, "%s is already published with other content (%s)", p, there.Digest).
				WithHint("publish a new version: others may have pinned this one")
		case !absent(err, statusOf(err)):
			return err
		}
		return p.push(ctx, at)
	})
	return out, err
}

func (p *Packed) push(ctx context.Context, at place) error {
	var m ocispec.Manifest
	if err := json.Unmarshal(p.manifest, &m); err != nil {
		return err
	}
	for _, d := range append([]ocispec.Descriptor{m.Config}, m.Layers...) {
		blob, err := readAll(maxPacked)(p.from.GetBlob(ctx, p.version.BasePath(), d.Digest))
		if err != nil {
			return fault.Wrap(fault.Bug, err, "%s cannot be packed", p)
		}
		if _, err := at.registry.PushBlob(ctx, at.repo, d, bytes.NewReader(blob)); err != nil {
			return err
		}
	}
	_, err := at.registry.PushManifest(ctx, at.repo, at.tag, p.manifest, ocispec.MediaTypeImageManifest)
	return err
}

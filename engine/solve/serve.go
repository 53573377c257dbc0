package solve

import (
	"context"
	"io"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/client/llb"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/image"
	"github.com/nixpacks-cue/nixpacks/engine/plan2llb"
)

// serveImage serves an image on disk to a build as the source ref, which BuildKit reads through the session. If a docker
// engine's BuildKit cannot do that, the image is loaded into the engine once, and stays there.
func (e *Engine) serveImage(ctx context.Context, j *job, store, ref, path string, sel image.Select) (plan2llb.Source, error) {
	img, err := j.store(store, path, sel)
	if err != nil {
		return plan2llb.Source{}, err
	}
	source := plan2llb.Source{Ref: ref, Digest: img.Desc.Digest, Config: img.Config.Config, Layers: img.Config.RootFS.DiffIDs,
		Layout: true, StoreID: store}
	able, err := e.readsLayouts(ctx)
	if err != nil || able {
		return source, err
	}
	if e.docker == nil {
		return source, fault.New(fault.Usage, "the BuildKit at %s does not support local images, and %s is one", e.where, ref).
			WithHint("use BuildKit 0.11 or later, or an image in a registry with --build-image")
	}
	delete(j.opt.OCIStores, store) // such a BuildKit must not be offered an OCI store
	name := "nixpacks-base:" + img.Desc.Digest.Encoded()[:16]
	if err := e.docker.EnsureImage(ctx, name, func(w io.Writer) error { return img.Save(w, name) }); err != nil {
		return source, err
	}
	st := llb.Image(name, llb.WithCustomName("[base] "+ref))
	return plan2llb.Source{Ref: name, Config: source.Config, Layers: source.Layers, State: &st}, nil
}

// readsLayouts reports whether the BuildKit can read images through the session. The embedded one can; others are asked
// once.
func (e *Engine) readsLayouts(ctx context.Context) (bool, error) {
	if e.embedded {
		return true, nil
	}
	if e.able == nil {
		opt := client.SolveOpt{Internal: true}
		_, err := e.client.Build(ctx, opt, "nixpacks", func(_ context.Context, c gateway.Client) (*gateway.Result, error) {
			able := c.BuildOpts().LLBCaps
			e.able = &able
			return gateway.NewResult(), nil
		}, nil)
		if e.able == nil {
			return false, e.explain(ctx, failure{err: err})
		}
	}
	return e.able.Supports(pb.CapSourceOCILayout) == nil, nil
}

package solve

import (
	"context"

	gateway "github.com/moby/buildkit/frontend/gateway/client"

	"github.com/nixpacks-cue/nixpacks/engine/base"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan2llb"
)

// Pin says what an image is now that a build starts from.
type Pin struct {
	Ref string
	// Variant is that of a base which is made of packages, such as amd64, or amd64+nix with Nix in it; "" for an image of a
	// registry.
	Variant string
	// Hash is that of the packages, or the digest of the image.
	Hash string
}

// Pins finds out what the images of a plan are, and makes those that are made. Images of this machine's own have none.
func (e *Engine) Pins(ctx context.Context, req Request) (pins []Pin, err error) {
	err = e.insistently(ctx, req, func() error {
		pins, err = e.pins(ctx, req)
		return err
	})
	return pins, err
}

func (e *Engine) pins(ctx context.Context, req Request) ([]Pin, error) {
	j, err := e.newJob(req)
	if err != nil {
		return nil, err
	}
	defer j.close()
	in := req.Lower
	if in.Platform, err = e.platform(ctx, in.Platform, in.Plan); err != nil {
		return nil, err
	}
	if err := e.localBases(ctx, &in, req, j); err != nil {
		return nil, err
	}
	if err := e.askRegistries(ctx, &in, req, j); err != nil {
		return nil, err
	}
	var out []Pin
	for _, w := range wants(in.Plan) {
		if hash := base.PackagesOf(baseRequest(req, in, w)); hash != "" {
			out = append(out, Pin{w.ref, variant(in, w), hash})
		} else if !base.IsRef(w.ref) {
			out = append(out, Pin{Ref: w.ref, Hash: w.resolution(&in).Digest.String()})
		}
	}
	return out, nil
}

// askRegistries finds out what images of registries are, where the plan has any.
func (e *Engine) askRegistries(ctx context.Context, in *plan2llb.Input, req Request, j *job) error {
	for _, w := range wants(in.Plan) {
		if base.IsRef(w.ref) {
			continue
		}
		if req.Offline {
			return fault.New(fault.Usage, "the registry has to be asked what %s is, and --offline keeps from it", w.ref)
		}
		_, err := e.run(ctx, j, func(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
			return gateway.NewResult(), registryBases(ctx, c, in, "")
		})
		return err
	}
	return nil
}

// variant names what a base is made for.
func variant(in plan2llb.Input, w want) string {
	if w.nix {
		return in.Platform.Architecture + "+nix"
	}
	return in.Platform.Architecture
}

// pinned makes a base, and holds it to what it is pinned to: where that must be, what is in the cache may be too old.
func (e *Engine) pinned(ctx context.Context, req Request, in plan2llb.Input, w want) (*base.Layout, error) {
	r := baseRequest(req, in, w)
	layout, err := e.base(ctx, req, r)
	if err != nil {
		return nil, err
	}
	err = asPinned(req, in, w)
	if err == nil || r.Offline || r.Refresh {
		return layout, err
	}
	r.Refresh = true
	if layout, err = e.base(ctx, req, r); err != nil {
		return nil, err
	}
	return layout, asPinned(req, in, w)
}

// asPinned tells of a base that is made of other packages than it is pinned to. Those of another day cannot be had from an
// archive that has newer ones.
func asPinned(req Request, in plan2llb.Input, w want) error {
	was := req.Bases.Pins[w.ref][variant(in, w)]
	is := base.PackagesOf(baseRequest(req, in, w))
	if is == "" || is == was || was == "" && !req.Bases.Locked {
		return nil
	}
	f := fault.New(fault.Refused, "the packages of %s for %s are not those of the lock: they are %s, and were %s", w.ref, variant(in, w), is, was)
	if was == "" {
		f = fault.New(fault.Refused, "the packages of %s for %s are not pinned", w.ref, variant(in, w))
	}
	if !req.Bases.Locked {
		req.Bases.say("note: " + f.Msg)
		return nil
	}
	return f.WithHint("look at what changes, and pin it: nixpacks lock --update")
}

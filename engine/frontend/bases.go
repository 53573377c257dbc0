package frontend

import (
	"context"
	"errors"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/frontend/dockerui"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
	"github.com/nixpacks-cue/nixpacks/engine/plan2llb"
	"github.com/nixpacks-cue/nixpacks/engine/solve"
)

// bases resolves the plan's images. A named context of the build replaces the image of its name.
func (b *build) bases(ctx context.Context, in *plan2llb.Input) error {
	planned := in.Plan
	in.Plan = b.inRegistries(planned)
	base, err := b.named(ctx, in.Plan.BuildImage, in.Platform)
	if err != nil {
		return err
	}
	if base != nil {
		in.Base = *base
	} else if err := fromRegistry(in.Plan.BuildImage, "buildImage"); err != nil {
		return err
	}
	if s := in.Plan.Start; s != nil && s.RunImage != "" {
		if in.Run, err = b.named(ctx, s.RunImage, in.Platform); err != nil {
			return err
		}
		if in.Run == nil {
			if err := fromRegistry(s.RunImage, "start.runImage"); err != nil {
				return err
			}
		}
	}
	err = solve.Resolve(ctx, b.gateway, in, b.BuildOpts().Opts["image-resolve-mode"])
	var f *fault.Fault
	if errors.As(err, &f) && f.Code == fault.TryAgain {
		f.Hint = "use another base: --build-arg NIXPACKS_BUILD_IMAGE=REF"
	}
	if err == nil {
		b.asPlanned(in, planned)
	}
	return err
}

// asPlanned gives the images that replace bases the names that the plan has for them, so that the image's history is the
// same as with bases that are made locally.
func (b *build) asPlanned(in *plan2llb.Input, planned *plan.Plan) {
	states := map[string]*llb.State{} // one state for both if they are the same
	rename := func(s *plan2llb.Source, is, was string) {
		if is == was {
			return
		}
		if states[is] == nil {
			st := llb.Image(is, llb.Platform(in.Platform), llb.WithCustomName("[base] "+was))
			states[is] = &st
		}
		s.Ref, s.State = was, states[is]
	}
	rename(&in.Base, in.Plan.BuildImage, planned.BuildImage)
	if in.Run != nil {
		rename(in.Run, in.Plan.Start.RunImage, planned.Start.RunImage)
	}
	in.Plan = planned
}

// inRegistries returns the plan with the operator's images (Operator.Bases) instead of bases that a daemon cannot make.
// These images have no Nix and cannot serve plans that build with it.
func (b *build) inRegistries(p *plan.Plan) *plan.Plan {
	out := *p
	if image, ok := b.Bases[p.BuildImage]; ok && !p.UsesNix() {
		out.BuildImage = image
	}
	if s := p.Start; s != nil && b.Bases[s.RunImage] != "" {
		start := *s
		start.RunImage = b.Bases[s.RunImage]
		out.Start = &start
	}
	return &out
}

// fromRegistry refuses a base that must be made before it can be used: a daemon cannot make one.
func fromRegistry(ref, field string) error {
	if !solve.IsLocalBase(ref) {
		return nil
	}
	return fault.New(fault.Refused, "%s is %s, which only nixpacks itself can make, not a daemon", field, ref).
		WithHint("use an image in a registry: --build-arg NIXPACKS_BUILD_IMAGE=REF, or %s in the plan.\n"+
			"For plans without Nix, a frontend can provide one: nixpacks frontend image --base %s=NAME.\n"+
			"Or use nixpacks build --builder, which makes the base locally and builds on that daemon", field, ref)
}

// named returns the image that a named context provides for ref, or nil if there is no such context.
func (b *build) named(ctx context.Context, ref string, p ocispecs.Platform) (*plan2llb.Source, error) {
	if solve.IsLocalBase(ref) || ref == "" {
		return nil, nil // not a name that a context could have
	}
	nc, err := b.NamedContext(ref, dockerui.ContextOpt{Platform: &p, ResolveMode: b.BuildOpts().Opts["image-resolve-mode"]})
	if err != nil || nc == nil {
		return nil, err
	}
	if len(b.Policies) > 0 {
		return nil, fault.New(fault.Refused, "a build context replaces the image %s, but the policies of this frontend check image names", ref).
			WithHint("remove --build-context %s", ref)
	}
	state, img, err := nc.Load(ctx)
	if err != nil || state == nil {
		return nil, err
	}
	src := &plan2llb.Source{Ref: ref, State: clean(state)}
	if img != nil {
		src.Config = img.Config.ImageConfig
	}
	return src, nil
}

// clean returns the image's file system alone: the configuration that steps see comes from Source.Config.
func clean(st *llb.State) *llb.State {
	out := llb.NewState(st.Output())
	return &out
}

package solve

import (
	"context"

	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/nixpacks-cue/nixpacks/engine/base"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan2llb"
)

// PushBase makes a local base for the engine's own platform, without Nix, and pushes it under a name. It returns that
// name with the digest. It uses only the settings of req that affect bases.
func (e *Engine) PushBase(ctx context.Context, req Request, ref, name string) (string, error) {
	if !base.IsRef(ref) {
		return "", fault.New(fault.Usage, "%s is a registry image, which needs no other name", ref).WithHint("local bases are debian://SUITE and oci-layout://PATH")
	}
	full, err := FullName(name)
	if err != nil {
		return "", err
	}
	platform, err := e.platform(ctx, ocispecs.Platform{}, nil) // without a plan, no platform can be refused
	if err != nil {
		return "", err
	}
	layout, err := e.base(ctx, req, baseRequest(req, plan2llb.Input{Platform: platform}, want{ref: ref}))
	if err != nil {
		return "", err
	}
	return full + "@" + layout.Digest.String(), Push(ctx, layout.Dir, name)
}

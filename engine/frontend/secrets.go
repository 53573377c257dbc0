package frontend

import (
	"context"
	"maps"
	"slices"

	"github.com/moby/buildkit/client/llb"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	gwpb "github.com/moby/buildkit/frontend/gateway/pb"
	"github.com/moby/buildkit/solver/pb"

	"github.com/nixpacks-cue/nixpacks/engine/plan"
	"github.com/nixpacks-cue/nixpacks/engine/plan2llb"
)

// secrets gives steps those of the client's secrets that have the name of a variable; they replace the plan's value.
// BuildKit does not tell a frontend which secrets exist, and a missing optional secret would hide the variable. So it
// probes for each secret by preparing a container that requires it.
func (b *build) secrets(ctx context.Context, in *plan2llb.Input) error {
	opts := b.BuildOpts()
	if opts.LLBCaps.Supports(pb.CapExecSecretEnv) != nil || opts.Caps.Supports(gwpb.CapGatewayExec) != nil {
		return nil // the daemon does not support secrets as variables
	}
	names, optional := askable(in.Plan), doWithout(in.Plan)
	if len(names)+len(optional) == 0 {
		return nil
	}
	root, err := b.solveState(ctx, llb.Scratch().File(llb.Mkdir("/run", 0o755), llb.WithCustomName("[secrets] look")), nil)
	if err != nil {
		return err
	}
	has := map[string]bool{}
	for _, k := range slices.Concat(names, optional) {
		if _, asked := has[k]; !asked {
			has[k] = b.hasSecret(ctx, root, k)
		}
	}
	in.Given = slices.DeleteFunc(slices.Clone(optional), func(k string) bool { return !has[k] })
	in.Missing = slices.DeleteFunc(optional, func(k string) bool { return has[k] })
	in.Plan = asking(in.Plan, slices.DeleteFunc(names, func(k string) bool { return !has[k] }))
	return nil
}

// doWithout returns the ids of optional secrets that phases see as variables.
func doWithout(p *plan.Plan) (ids []string) {
	for _, a := range p.AskedSecrets() {
		if a.Optional && a.Variable {
			ids = append(ids, a.ID)
		}
	}
	return ids
}

// askable returns the names of all variables of a plan.
func askable(p *plan.Plan) []string {
	names := slices.Collect(maps.Keys(p.Variables))
	for _, ph := range p.Phases {
		names = slices.AppendSeq(names, maps.Keys(ph.Variables))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// asking returns the plan with these secrets added to the phases that see a variable of the same name.
func asking(p *plan.Plan, secrets []string) *plan.Plan {
	out := *p
	out.Phases = map[string]*plan.Phase{}
	for name, ph := range p.Phases {
		more := *ph
		more.Secrets = slices.Clone(ph.Secrets)
		for _, k := range secrets {
			_, everywhere := p.Variables[k]
			if _, here := ph.Variables[k]; everywhere || here {
				more.Secrets = append(more.Secrets, k)
			}
		}
		out.Phases[name] = &more
	}
	return &out
}

// hasSecret reports whether the client has a secret.
func (b *build) hasSecret(ctx context.Context, root gateway.Reference, id string) bool {
	ctr, err := b.gateway.NewContainer(ctx, gateway.NewContainerRequest{
		NetMode: llb.NetModeNone,
		Mounts: []gateway.Mount{
			{Dest: "/", MountType: pb.MountType_BIND, Ref: root},
			{Dest: "/run/secret", MountType: pb.MountType_SECRET, SecretOpt: &pb.SecretOpt{ID: id, Mode: 0o400}},
		},
	})
	if err != nil {
		return false
	}
	ctr.Release(ctx)
	return true
}

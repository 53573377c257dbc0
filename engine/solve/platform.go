package solve

import (
	"context"
	"maps"
	"runtime"
	"slices"
	"strings"

	"github.com/containerd/platforms"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/nixpacks-cue/nixpacks/engine/base"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// platform returns the target platform: the requested one, if the engine can run the plan's commands for it, or the
// engine's own.
func (e *Engine) platform(ctx context.Context, asked ocispecs.Platform, p *plan.Plan) (ocispecs.Platform, error) {
	if asked.Architecture == "" && e.embedded {
		return ocispecs.Platform{OS: "linux", Architecture: runtime.GOARCH}, nil
	}
	workers, err := e.client.ListWorkers(ctx)
	if err != nil {
		return asked, e.explain(ctx, failure{err: err})
	}
	var has []ocispecs.Platform
	for _, w := range workers {
		has = append(has, w.Platforms...)
	}
	switch {
	case asked.Architecture == "" && len(has) == 0:
		return ocispecs.Platform{OS: "linux", Architecture: runtime.GOARCH}, nil
	case asked.Architecture == "":
		return has[0], nil
	}
	return asked, RefusePlatform(asked, has, p)
}

// RefusePlatform returns a fault if the plan runs programs that the engine cannot run on the requested platform. The
// build would otherwise fail in its first step, after its base was fetched or made. If has is empty, the engine does not
// report its platforms, and no fault is returned.
func RefusePlatform(asked ocispecs.Platform, has []ocispecs.Platform, p *plan.Plan) error {
	asked = platforms.Normalize(asked)
	names := map[string]bool{}
	for _, h := range has {
		h = platforms.Normalize(h)
		if h.OS == asked.OS && h.Architecture == asked.Architecture && (asked.Variant == "" || asked.Variant == h.Variant) {
			return nil
		}
		names[h.OS+"/"+h.Architecture] = true
	}
	if len(has) == 0 || asked.OS != "linux" || !runsPrograms(p) { // plan2llb has a better message for other systems
		return nil
	}
	return fault.New(fault.Usage, "the builder cannot run programs for %s, only for %s", platforms.Format(asked), strings.Join(slices.Sorted(maps.Keys(names)), ", ")).
		WithHint("build on a machine of that platform (--builder ADDRESS), or install emulation on the builder's machine:\n" +
			"Debian's package qemu-user-binfmt, before Debian 13 qemu-user-static")
}

// runsPrograms reports whether a build of the plan runs programs, apart from copying files.
func runsPrograms(p *plan.Plan) bool {
	for _, ph := range p.Phases {
		if len(ph.Cmds)+len(ph.AptPkgs) > 0 || ph.UsesNix() {
			return true
		}
	}
	made := func(ref string) bool { return base.IsRef(ref) && !strings.HasPrefix(ref, "oci-layout:") }
	s := p.Start
	return made(p.BuildImage) || s != nil && (len(s.AptPkgs) > 0 || s.User != "" || made(s.RunImage))
}

package solve

import (
	"context"
	"encoding/json"
	"maps"
	"slices"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	gateway "github.com/moby/buildkit/frontend/gateway/client"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan2llb"
)

// prepareAll prepares the build for every platform. Cache mounts are separate for each platform, since they may contain
// programs.
func (e *Engine) prepareAll(ctx context.Context, req Request, j *job) ([]plan2llb.Input, error) {
	var out []plan2llb.Input
	for i, in := range append([]plan2llb.Input{req.Lower}, req.Also...) {
		req.Lower = in
		in, err := e.prepare(ctx, req, j)
		if err != nil {
			return nil, err
		}
		id := platforms.Format(in.Platform)
		if slices.ContainsFunc(out, func(o plan2llb.Input) bool { return platforms.Format(o.Platform) == id }) {
			return nil, fault.New(fault.Usage, "platform %s is given twice", id)
		}
		if i > 0 {
			in.CacheKey += "-" + id
		}
		out = append(out, in)
	}
	return out, nil
}

// mergeResults merges the results of all platforms.
func mergeResults(ins []plan2llb.Input, results []*gateway.Result) (*gateway.Result, error) {
	if len(ins) == 1 {
		return results[0], nil
	}
	out := gateway.NewResult()
	var all exptypes.Platforms
	for i, in := range ins {
		id := platforms.Format(in.Platform)
		all.Platforms = append(all.Platforms, exptypes.Platform{ID: id, Platform: in.Platform})
		out.AddRef(id, results[i].Ref)
		for k, v := range results[i].Metadata {
			out.AddMeta(k+"/"+id, v)
		}
	}
	raw, err := json.Marshal(all)
	if err != nil {
		return nil, fault.Wrap(fault.Bug, err, "the list of platforms cannot be written")
	}
	out.AddMeta(exptypes.ExporterPlatformsKey, raw)
	return out, nil
}

// add adds the graph of another platform to those lowered so far.
func (j *job) add(l *plan2llb.Result) {
	if j.lowered == nil {
		j.lowered = l
		return
	}
	sum := *j.lowered
	sum.Def = &llb.Definition{Def: slices.Concat(sum.Def.Def, l.Def.Def)}
	sum.Vertices = slices.Concat(sum.Vertices, l.Vertices)
	sum.Steps = maps.Clone(sum.Steps)
	maps.Copy(sum.Steps, l.Steps)
	j.lowered = &sum
}

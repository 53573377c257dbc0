package solve

import (
	"context"
	"encoding/json"
	"time"

	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/apicaps"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/nixpacks-cue/nixpacks/engine/buildkitd"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan2llb"
)

// Build runs a plan and writes its outputs: either all of them, after the last step has succeeded, or none. If a registry
// fails, Build retries twice with a pause.
func (e *Engine) Build(ctx context.Context, req Request) (*Report, error) {
	began := time.Now()
	var r *Report
	err := e.withRetries(ctx, req, func() (err error) {
		r, err = e.build(ctx, req)
		return err
	})
	if err != nil {
		return nil, e.addMoved(ctx, req, err)
	}
	r.Duration = time.Since(began)
	return r, nil
}

// build makes a single attempt for Build.
func (e *Engine) build(ctx context.Context, req Request) (*Report, error) {
	if len(req.Outputs) == 0 {
		return nil, fault.New(fault.Bug, "the build has no output")
	}
	if err := e.canLimit(req.Lower.Limits); err != nil {
		return nil, err
	}
	if err := e.offline(ctx, req); err != nil {
		return nil, err
	}
	first, req, err := e.measured(ctx, req)
	if err != nil {
		return nil, withoutNetwork(req, err)
	}
	r, _, err := e.buildAll(ctx, req)
	if err != nil {
		return nil, withoutNetwork(req, err)
	}
	if first != nil { // the first build ran the steps
		r.Steps, r.Cached, r.Phases = first.Steps, first.Cached, first.Phases
	}
	return r, nil
}

// buildAll builds for all platforms. It also returns the inputs of the graphs.
func (e *Engine) buildAll(ctx context.Context, req Request) (*Report, []plan2llb.Input, error) {
	j, err := e.newJob(req)
	if err != nil {
		return nil, nil, err
	}
	defer j.close()
	if req.Lower.Network == plan2llb.NetworkHost {
		j.opt.AllowedEntitlements = []string{hostNetwork}
	}
	ins, err := e.prepareAll(ctx, req, j)
	if err != nil {
		return nil, nil, err
	}
	sinks, err := e.sinks(ctx, req)
	if err != nil {
		return nil, nil, err
	}
	defer abort(sinks)
	for _, s := range sinks {
		j.opt.Exports = append(j.opt.Exports, s.entry)
	}
	answer, err := e.run(ctx, j, func(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
		return j.solve(ctx, c, ins)
	})
	if err != nil {
		return nil, nil, err
	}
	if err := j.checkSize(sinks, answer, req.MaxSize); err != nil {
		return nil, nil, err
	}
	if err := commit(ctx, sinks, answer); err != nil {
		return nil, nil, err
	}
	j.noteMoved(req.Bases)
	r := j.report(sinks)
	r.Metadata = metadata(answer)
	return r, ins, nil
}

// prepare fills in the inputs of the graph that are known before the session exists.
func (e *Engine) prepare(ctx context.Context, req Request, j *job) (plan2llb.Input, error) {
	in := req.Lower
	var err error
	if in.CacheKey == "" {
		if in.CacheKey, err = DefaultCacheKey(req.AppDir); err != nil {
			return in, err
		}
	}
	if err := j.dirs.open(plan2llb.AppLocal, req.AppDir, in.Ignore); err != nil {
		return in, err
	}
	in.CA = req.CAFile != ""
	in.Missing, in.Given = splitSecrets(in.Plan, req)
	proxies(req, &in)
	if in.Platform, err = e.platform(ctx, in.Platform, in.Plan); err != nil {
		return in, err
	}
	return in, e.localBases(ctx, &in, req, j)
}

// canLimit rejects limits that the embedded engine would have to ignore.
func (e *Engine) canLimit(l plan2llb.Limits) error {
	if !e.embedded || l == (plan2llb.Limits{}) {
		return nil
	}
	return buildkitd.CheckLimits(l.CPUQuota > 0, l.Memory > 0)
}

// caps returns the requested capabilities that the daemon has.
func caps(has apicaps.CapSet, wanted plan2llb.Caps) plan2llb.Caps {
	return plan2llb.Caps{
		Merge: wanted.Merge && has.Supports(pb.CapMergeOp) == nil,
		Diff:  wanted.Diff && has.Supports(pb.CapDiffOp) == nil,
	}
}

// solve resolves registry images, lowers the plan, and solves it for all platforms.
func (j *job) solve(ctx context.Context, c gateway.Client, ins []plan2llb.Input) (*gateway.Result, error) {
	if able := c.BuildOpts().LLBCaps; len(j.opt.Exports) > 1 && able.Supports(pb.CapMultipleExporters) != nil {
		return nil, fault.New(fault.Usage, "this BuildKit supports one output per build, but there are %d", len(j.opt.Exports)).
			WithHint("several outputs require BuildKit 0.13 or later")
	}
	var results []*gateway.Result
	for i := range ins {
		res, err := j.solveOne(ctx, c, &ins[i])
		if err != nil {
			return nil, err
		}
		results = append(results, res)
	}
	return mergeResults(ins, results)
}

// solveOne does the same for one platform.
func (j *job) solveOne(ctx context.Context, c gateway.Client, in *plan2llb.Input) (*gateway.Result, error) {
	if err := Resolve(ctx, c, in, ""); err != nil {
		return nil, err
	}
	lowered, err := plan2llb.Lower(ctx, *in)
	if err != nil {
		return nil, err
	}
	j.add(lowered)
	for name, dir := range lowered.Locals {
		if err := j.dirs.open(name, dir, nil); err != nil {
			return nil, err
		}
	}
	from, err := imports(c)
	if err != nil {
		return nil, err
	}
	res, err := c.Solve(ctx, gateway.SolveRequest{Definition: lowered.Def.ToPB(), Evaluate: true, CacheImports: from})
	if err != nil {
		return nil, err
	}
	config, err := json.Marshal(lowered.Image)
	if err != nil {
		return nil, fault.Wrap(fault.Bug, err, "the image's configuration cannot be written")
	}
	res.AddMeta(exptypes.ExporterImageConfigKey, config)
	kept, err := json.Marshal(ocispecs.Image{RootFS: ocispecs.RootFS{Type: "layers", DiffIDs: in.Final().Layers}})
	if err != nil {
		return nil, fault.Wrap(fault.Bug, err, "the base's configuration cannot be written")
	}
	res.AddMeta(exptypes.ExporterImageBaseConfigKey, kept) // layers of the base keep their timestamps
	return res, nil
}

package solve

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/secrets/secretsprovider"

	"github.com/nixpacks-cue/nixpacks/engine/base"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan2llb"
	"github.com/nixpacks-cue/nixpacks/engine/progress"
)

// offline fails a build with --offline before any of its steps run, if it needs something that is not on this machine.
// The fault (TryAgain) lists everything that is missing.
func (e *Engine) offline(ctx context.Context, req Request) error {
	if !req.Offline {
		return nil
	}
	if err := e.checkOffline(req); err != nil {
		return err
	}
	var lines []string
	for _, in := range append([]plan2llb.Input{req.Lower}, req.Also...) {
		l, err := e.missing(ctx, req, in)
		if err != nil {
			return err
		}
		lines = append(lines, l...)
	}
	if len(lines) == 0 {
		return nil
	}
	f := fault.New(fault.TryAgain, "the build needs files that are not on this machine, and --offline prevents fetching them").
		WithHint("build once without --offline to cache them")
	f.Detail = strings.Join(lines, "\n")
	return f
}

// checkOffline rejects settings that always use the network.
func (e *Engine) checkOffline(req Request) error {
	if !e.embedded {
		return fault.New(fault.Usage, "--offline applies only to the embedded BuildKit, not to %s", e.where)
	}
	remote := func(c Cache) bool { return c.Type != CacheLocal && c.Type != CacheInline }
	if i := slices.IndexFunc(req.CacheFrom, remote); i >= 0 {
		return fault.New(fault.Usage, "--cache-from type=%s needs the network, and cannot be combined with --offline", req.CacheFrom[i].Type)
	}
	if i := slices.IndexFunc(req.CacheTo, remote); i >= 0 {
		return fault.New(fault.Usage, "--cache-to type=%s needs the network, and cannot be combined with --offline", req.CacheTo[i].Type)
	}
	for _, o := range req.Outputs {
		if o.Attrs["push"] == "true" {
			return fault.New(fault.Usage, "pushing an image needs the network, and cannot be combined with --offline").WithHint("write it to a file: --output type=oci,dest=FILE")
		}
	}
	return nil
}

// missing returns a line for everything that is missing for one platform.
func (e *Engine) missing(ctx context.Context, req Request, in plan2llb.Input) (lines []string, err error) {
	if in.Platform, err = e.platform(ctx, in.Platform, in.Plan); err != nil {
		return nil, err
	}
	for _, w := range wants(in.Plan) {
		line, err := e.missingBase(ctx, req, in, w)
		if err != nil {
			return nil, err
		}
		if line != "" {
			lines = append(lines, line)
		}
	}
	if lines != nil { // and so are all packages installed on the base
		return append(lines, packageLines(in, req, nil)...), nil
	}
	fetches, again, err := e.probe(ctx, req, in)
	if err != nil {
		return nil, err
	}
	for _, phase := range again {
		req.Bases.say("offline: the phase " + phase + " is not cached and runs without network; what it would fetch is unknown")
	}
	if fetches == nil {
		return nil, nil
	}
	return packageLines(in, req, fetches), nil
}

// missingBase returns a line about a missing base, or "" if it is present.
func (e *Engine) missingBase(ctx context.Context, req Request, in plan2llb.Input, w want) (string, error) {
	if !base.IsRef(w.ref) {
		return "image " + w.ref + " from its registry", nil
	}
	r := baseRequest(req, in, w)
	_, err := base.Resolve(ctx, r, e.stageRunner(req.Progress))
	if fault.CodeOf(err) != fault.TryAgain {
		return "", err
	}
	index := base.Index(r)
	if index == "" {
		index = "of an archive given with --debian-mirror"
	}
	return "base " + w.ref + " with packages from the index " + index, nil
}

// packageLines lists what package steps would fetch: those in fetches, or those of the whole plan if fetches is nil.
func packageLines(in plan2llb.Input, req Request, fetches []plan2llb.Fetch) (lines []string) {
	nix := fetches == nil
	for _, f := range fetches {
		if f.Debian == nil {
			nix = true
			continue
		}
		lines = append(lines, debianLines(in, req, f)...)
	}
	if fetches == nil {
		for _, name := range slices.Sorted(maps.Keys(in.Plan.Phases)) {
			if pkgs := in.Plan.Phases[name].AptPkgs; len(pkgs) > 0 {
				lines = append(lines, "Debian packages of the phase "+name+": "+strings.Join(pkgs, " "))
			}
		}
		if s := in.Plan.Start; s != nil && len(s.AptPkgs) > 0 {
			lines = append(lines, "Debian packages of the run image: "+strings.Join(s.AptPkgs, " "))
		}
	}
	if nix {
		for _, a := range plan2llb.NixArchives(in) {
			line := "archive " + a.URL
			if a.Hash != "" {
				line += " " + a.Hash
			}
			lines = append(lines, line+", and the files that Nix fetches for its packages")
		}
	}
	return lines
}

// debianLines lists the packages that a step would fetch, with URL and hash if the package lists are available.
func debianLines(in plan2llb.Input, req Request, f plan2llb.Fetch) (lines []string) {
	for _, w := range wants(in.Plan) {
		if w.run != f.Run {
			continue
		}
		debs, ok := base.Missing(baseRequest(req, in, w), f.Debian)
		if !ok {
			break
		}
		for _, d := range debs {
			lines = append(lines, d.URL+" sha256:"+d.SHA256)
		}
		return lines
	}
	return []string{"Debian packages and their dependencies: " + strings.Join(f.Debian, " ")}
}

// refusing claims to have every secret but returns none. A step that asks for a secret is about to run, so it is not
// cached.
type refusing struct{}

func (refusing) GetSecret(context.Context, string) ([]byte, error) {
	return nil, errors.New("this step is not in the cache")
}

// probe finds out what a build would run, without running it: the steps that fetch packages, and the phases with
// commands. Each such step first asks for a secret (at least for its CA certificates), which is refused here.
func (e *Engine) probe(ctx context.Context, req Request, in plan2llb.Input) (fetches []plan2llb.Fetch, phases []string, err error) {
	req.Lower, req.Also, req.Progress, req.CacheTo, req.Attest = in, nil, progress.Options{}, nil, nil
	j, err := e.newJob(req)
	if err != nil {
		return nil, nil, err
	}
	defer j.close()
	j.opt.Session = append([]session.Attachable{secretsprovider.NewSecretProvider(refusing{})}, j.opt.Session[1:]...)
	if in, err = e.prepare(ctx, req, j); err != nil {
		return nil, nil, err
	}
	_, err = e.run(ctx, j, func(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
		if err := Resolve(ctx, c, &in, ""); err != nil {
			return nil, err
		}
		lowered, err := plan2llb.Lower(ctx, in)
		if err != nil {
			return nil, err
		}
		for name, dir := range lowered.Locals {
			if err := j.dirs.open(name, dir, nil); err != nil {
				return nil, err
			}
		}
		fetches, phases = uncached(ctx, c, lowered, in.CA)
		return gateway.NewResult(), ctx.Err()
	})
	return fetches, phases, err
}

// uncached checks one step after the other. It checks phases only if every step asks for a secret.
func uncached(ctx context.Context, c gateway.Client, lowered *plan2llb.Result, phasesToo bool) (fetches []plan2llb.Fetch, phases []string) {
	cached := func(v plan2llb.Vertex) bool {
		_, err := c.Solve(ctx, gateway.SolveRequest{Definition: lowered.Upto(v.Digest), Evaluate: true})
		return err == nil
	}
	byVertex := map[string]plan2llb.Fetch{}
	for _, f := range lowered.Fetches() {
		byVertex[f.Vertex.String()] = f
	}
	last := ""
	for _, v := range lowered.Vertices {
		if f, ok := byVertex[v.Digest.String()]; ok && !cached(v) {
			fetches = append(fetches, f)
		}
		if s, ok := lowered.Steps[v.Digest]; ok && phasesToo && s.Phase != last && fetches == nil && !cached(v) {
			phases, last = append(phases, s.Phase), s.Phase
		}
	}
	return fetches, phases
}

// withoutNetwork adds a hint to the fault of a step that had no network.
func withoutNetwork(req Request, err error) error {
	var f *fault.Fault
	if req.Offline && errors.As(err, &f) && (f.Code == fault.BuildFailed || f.Code == fault.TryAgain) {
		if f.Code == fault.TryAgain { // a retry would not help
			f.Code, f.Hint = fault.BuildFailed, ""
		}
		f.Hint = strings.TrimPrefix(fmt.Sprintf("%s\nbuild steps have no network with --offline: if this one needs it, build once without --offline", f.Hint), "\n")
	}
	return err
}

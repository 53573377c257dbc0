// Package frontend is this program as a BuildKit frontend: a daemon runs it, passes it an app as the build context, and
// builds the graph that it returns. It plans the app, or takes a given plan, and lowers it like the command line does.
//
// It reads the app through the daemon (files), and has no network, clock or disk of its own.
package frontend

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/moby/buildkit/frontend/dockerui"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/frontend/gateway/grpcclient"
	_ "github.com/moby/buildkit/util/grpcutil/encoding/proto" // the encoding of daemons' answers
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/nixpacks-cue/nixpacks/engine/catalog"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan2llb"
	"github.com/nixpacks-cue/nixpacks/engine/solve"
)

// Operator is the configuration that the builder of the frontend's image put into it. No client can override it.
type Operator struct {
	// Policies apply to every plan. Each element has the files of one policy.
	Policies [][]catalog.Source
	// Bases maps bases that a daemon cannot make (debian://SUITE) to images in registries, by digest.
	Bases map[string]string
}

// Run serves the daemon that started this process, over standard input and output.
func Run(ctx context.Context, cat *catalog.Catalog, op Operator) error {
	return grpcclient.RunFromEnvironment(ctx, func(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
		res, err := Build(ctx, c, cat, op)
		return res, readable(err)
	})
}

// readable formats faults as the command line prints them: a daemon forwards only the text of an error.
func readable(err error) error {
	var f *fault.Fault
	if !errors.As(err, &f) {
		return err // the daemon's own error, with its details of the failed step
	}
	var b bytes.Buffer
	fault.Print(&b, err, false)
	return errors.New(strings.TrimSpace(strings.TrimPrefix(b.String(), "error: ")))
}

// build is one request of a daemon.
type build struct {
	*dockerui.Client
	gateway gateway.Client
	catalog *catalog.Catalog
	given   definition
	context source
	Operator

	planning sync.Mutex // guards planning: plans share the app's files and their rules
}

// Build handles one request: it returns an image for each platform requested.
func Build(ctx context.Context, c gateway.Client, cat *catalog.Catalog, op Operator) (*gateway.Result, error) {
	ui, err := dockerui.NewClient(c)
	if err != nil {
		return nil, err
	}
	if res, ok, err := ui.HandleSubrequest(ctx, dockerui.RequestHandler{}); ok || err != nil {
		return res, err
	}
	b := &build{Client: ui, gateway: c, catalog: cat, Operator: op}
	if err := b.refuse(); err != nil {
		return nil, err
	}
	if b.given, err = b.definition(ctx); err != nil {
		return nil, err
	}
	if b.context, err = b.source(ctx); err != nil {
		return nil, err
	}
	rb, err := ui.Build(ctx, b.one)
	if err != nil {
		return nil, err
	}
	return rb.Finalize()
}

// refuse rejects options of docker build that a plan cannot honor.
func (b *build) refuse() error {
	if b.Target != "" {
		return fault.New(fault.Usage, "there is no target %q: a plan makes one image", b.Target).WithHint("remove --target")
	}
	return nil
}

// one builds for a platform; nil is the daemon's own.
func (b *build) one(ctx context.Context, p *ocispecs.Platform, _ int) (*dockerui.BuildResult, error) {
	in := plan2llb.Input{Platform: b.BuildPlatforms[0], Caps: plan2llb.Caps{Merge: true, Diff: true}}
	if p != nil {
		in.Platform = *p
	}
	if err := b.prepare(ctx, &in); err != nil {
		return nil, err
	}
	if err := b.runnable(in); err != nil {
		return nil, err
	}
	if err := b.bases(ctx, &in); err != nil {
		return nil, err
	}
	lowered, err := plan2llb.Lower(ctx, in)
	if err != nil {
		return nil, err
	}
	res, err := b.gateway.Solve(ctx, gateway.SolveRequest{Definition: lowered.Def.ToPB(), CacheImports: b.CacheImports})
	if err != nil {
		return nil, err
	}
	ref, err := res.SingleRef()
	if err != nil {
		return nil, err
	}
	var base dockerspec.DockerOCIImage // its layers keep their timestamps
	base.RootFS = ocispecs.RootFS{Type: "layers", DiffIDs: in.Final().Layers}
	epoch, err := b.epoch(ctx)
	return &dockerui.BuildResult{Reference: ref, Image: &lowered.Image, BaseImage: &base, Epoch: epoch}, err
}

// runnable refuses a platform whose programs the daemon cannot run.
func (b *build) runnable(in plan2llb.Input) error {
	var has []ocispecs.Platform
	for _, w := range b.BuildOpts().Workers {
		has = append(has, w.Platforms...)
	}
	return solve.RefusePlatform(in.Platform, has, in.Plan)
}

// epoch returns the image's timestamp. If SOURCE_DATE_EPOCH is given it is the daemon's; otherwise it is the same for
// every build, as with `nixpacks build`.
func (b *build) epoch(ctx context.Context) (*time.Time, error) {
	switch b.BuildArgs[epochArg] {
	case "":
		t := time.Unix(0, 0)
		return &t, nil
	case "context":
		return b.ResolveMainContextSourceDateEpoch(ctx)
	}
	return nil, nil
}

// prepare fills in everything except the bases.
func (b *build) prepare(ctx context.Context, in *plan2llb.Input) error {
	in.Labels = maps.Clone(b.Labels)
	in.NoCache = b.IsNoCache("")
	in.Proxy = plan2llb.Proxies(b.BuildArgs)
	if err := b.surroundings(in); err != nil {
		return err
	}
	dir, err := b.plan(ctx, in)
	if err == nil {
		err = b.app(ctx, in, dir)
	}
	if err != nil {
		return err
	}
	return b.secrets(ctx, in)
}

// Package frontend is this program as a frontend of BuildKit: a daemon runs it, hands it an app as the build's context,
// and builds what it answers. It plans the app, or takes the plan that it is given, and lowers it as everywhere else.
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

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/frontend/dockerui"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/frontend/gateway/grpcclient"
	_ "github.com/moby/buildkit/util/grpcutil/encoding/proto" // how daemons encode their answers
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/nixpacks-cue/nixpacks/engine/catalog"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan2llb"
	"github.com/nixpacks-cue/nixpacks/engine/solve"
)

// Run answers the daemon that started this process, over its standard input and output. Every plan is held to policies, each the
// files of one: whoever made the frontend's image put them there, and no client can take them away.
func Run(ctx context.Context, cat *catalog.Catalog, policies [][]catalog.Source) error {
	return grpcclient.RunFromEnvironment(ctx, func(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
		res, err := Build(ctx, c, cat, policies)
		return res, readable(err)
	})
}

// readable is a fault in the words and lines that the command line has for it: a daemon hands on only the text.
func readable(err error) error {
	var f *fault.Fault
	if !errors.As(err, &f) {
		return err // the daemon's own, with what it knows of the failed step
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
	// policies are those of whoever made the frontend's image.
	policies [][]catalog.Source

	planning sync.Mutex // of plans, which share the app's files and the rules about them
}

// Build is the result of one request: an image for each platform that is asked for.
func Build(ctx context.Context, c gateway.Client, cat *catalog.Catalog, policies [][]catalog.Source) (*gateway.Result, error) {
	ui, err := dockerui.NewClient(c)
	if err != nil {
		return nil, err
	}
	if res, ok, err := ui.HandleSubrequest(ctx, dockerui.RequestHandler{}); ok || err != nil {
		return res, err
	}
	b := &build{Client: ui, gateway: c, catalog: cat, policies: policies}
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

// refuse says what of a Dockerfile's options a plan has no use for.
func (b *build) refuse() error {
	if b.Target != "" {
		return fault.New(fault.Usage, "there is no target %q: a plan makes one image", b.Target).WithHint("leave --target out")
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
	var base dockerspec.DockerOCIImage // whose layers keep their times
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

// epoch is the image's time: the daemon's own affair where SOURCE_DATE_EPOCH is given, else the same for every build,
// as with `nixpacks build`.
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

// prepare fills in everything but the bases.
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

// bases resolves the plan's images: a named context of the build stands for the image of its name.
func (b *build) bases(ctx context.Context, in *plan2llb.Input) error {
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
		f.Hint = "another base: --build-arg NIXPACKS_BUILD_IMAGE=REF"
	}
	return err
}

// fromRegistry refuses a base that must be made before it can be built on: a daemon has no means for that.
func fromRegistry(ref, field string) error {
	if !solve.IsLocalBase(ref) {
		return nil
	}
	return fault.New(fault.Refused, "%s is %s, which nixpacks makes on the machine that it runs on, and no daemon can", field, ref).
		WithHint("name an image in a registry: --build-arg NIXPACKS_BUILD_IMAGE=REF, or %s in the plan.\n"+
			"nixpacks build with --builder makes such a base here, and builds on that daemon", field)
}

// named is the image that a named context gives for ref; nil where there is none of that name.
func (b *build) named(ctx context.Context, ref string, p ocispecs.Platform) (*plan2llb.Source, error) {
	if solve.IsLocalBase(ref) || ref == "" {
		return nil, nil // no name that a context could have
	}
	nc, err := b.NamedContext(ref, dockerui.ContextOpt{Platform: &p, ResolveMode: b.BuildOpts().Opts["image-resolve-mode"]})
	if err != nil || nc == nil {
		return nil, err
	}
	if len(b.policies) > 0 {
		return nil, fault.New(fault.Refused, "a build context takes the place of the image %s, and the policies of this frontend are about images by their names", ref).
			WithHint("leave --build-context %s out", ref)
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

// clean is the image's file system alone: what steps see of its configuration comes from Source.Config.
func clean(st *llb.State) *llb.State {
	out := llb.NewState(st.Output())
	return &out
}

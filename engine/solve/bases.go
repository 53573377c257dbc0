package solve

import (
	"context"
	"encoding/json"
	"io"
	"strings"
	"time"

	"github.com/distribution/reference"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/grpcerrors"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"google.golang.org/grpc/codes"

	"github.com/nixpacks-cue/nixpacks/engine/base"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/image"
	"github.com/nixpacks-cue/nixpacks/engine/lazy"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
	"github.com/nixpacks-cue/nixpacks/engine/plan2llb"
	"github.com/nixpacks-cue/nixpacks/engine/progress"
	"github.com/nixpacks-cue/nixpacks/engine/remote"
)

// Bases configures how base images that do not come from a registry are made.
type Bases struct {
	CacheDir string                       // directory for finished bases and downloads
	Mirror   string                       // URL of the Debian archive; "" uses the host's
	CAFile   string                       // PEM file of CAs to trust for downloads; "" uses this machine's
	Auth     []byte                       // credentials for that archive in apt's auth.conf format
	Keyring  string                       // keys that may sign the archive's index; "" uses Debian's own
	Refresh  bool                         // check for newer packages
	Pins     map[string]map[string]string // package hashes of bases by reference and variant (see Pin)
	Dates    map[string]map[string]string // dates of these packages, for a Mirror with snapshots
	Known    map[string]string            // known hashes of apt's package selections, by set key; these sets are not surveyed
	Locked   bool                         // refuse bases that are not pinned or whose packages have changed
	Say      func(string)                 // receives progress messages; may be nil
}

// IsLocalBase reports whether an image is made or read on this machine, and not pulled from a registry.
func IsLocalBase(ref string) bool { return base.IsRef(ref) }

// The OCI store ids of a build's local bases.
const (
	baseStore = "nixpacks-base"
	runStore  = "nixpacks-run"
)

// want is a base image that a plan names.
type want struct {
	ref, store string
	run        bool // the run image, not the build image
	nix        bool // with Nix installed
}

func wants(p *plan.Plan) []want {
	out := []want{{ref: p.BuildImage, store: baseStore, nix: p.UsesNix()}}
	if p.Start != nil && p.Start.RunImage != "" {
		out = append(out, want{ref: p.Start.RunImage, store: runStore, run: true})
	}
	return out
}

// set records the resolved base.
func (w want) set(in *plan2llb.Input, s plan2llb.Source) {
	if w.run {
		in.Run = &s
		return
	}
	in.Base = s
}

// resolution returns the resolved base.
func (w want) resolution(in *plan2llb.Input) plan2llb.Source {
	if w.run {
		return *in.Run
	}
	return in.Base
}

// resolved reports whether the base has been resolved.
func (w want) resolved(in *plan2llb.Input) bool {
	if w.run {
		return in.Run != nil
	}
	return in.Base.State != nil || in.Base.Digest != ""
}

// baseRequest returns the request for a local base.
func baseRequest(req Request, in plan2llb.Input, w want) base.Request {
	return base.Request{
		Ref: w.ref, Arch: in.Platform.Architecture, Nix: w.nix, Mirror: req.Bases.Mirror, Date: req.Bases.Dates[w.ref][variant(in, w)], Keyring: req.Bases.Keyring,
		CAFile: req.Bases.CAFile, Auth: req.Bases.Auth,
		CacheDir: req.Bases.CacheDir, Refresh: req.Bases.Refresh, Offline: req.Offline, Progress: req.Bases.Say,
	}
}

// base makes a local base. Download progress ends before other messages and the output of steps are shown.
func (e *Engine) base(ctx context.Context, req Request, ask base.Request) (*base.Layout, error) {
	shown := progress.NewMeter(req.Progress, ask.Ref)
	defer shown.End()
	ask.Count = shown.Count
	ask.Progress = func(line string) {
		shown.End()
		req.Bases.say(line)
	}
	run := e.stageRunner(req.Progress)
	return base.Resolve(ctx, ask, func(ctx context.Context, stage base.Stage, out io.Writer) error {
		shown.End()
		return run(ctx, stage, out)
	})
}

func (b Bases) say(line string) {
	if b.Say != nil {
		b.Say(line)
	}
}

// localBases makes the local bases and serves them to the build.
func (e *Engine) localBases(ctx context.Context, in *plan2llb.Input, req Request, j *job) error {
	for _, w := range wants(in.Plan) {
		if !base.IsRef(w.ref) {
			continue
		}
		began := time.Now()
		layout, err := e.pinned(ctx, req, *in, w)
		if err != nil {
			return err
		}
		req.Progress.Trace.AddAction("[base] make "+w.ref, began)
		if _, taken := j.opt.OCIStores[w.store]; taken { // by another platform's base
			w.store += "-" + in.Platform.Architecture + in.Platform.Variant
		}
		source, err := e.serveImage(ctx, j, w.store, w.ref, layout.Dir, image.Select{Digest: layout.Digest, Platform: in.Platform})
		if err != nil {
			return err
		}
		w.set(in, source)
	}
	return nil
}

// Resolve fills in what only the daemon knows: its capabilities, limited to those in in.Caps, and the digests and configs
// of bases from a registry, so that the graph names them by digest. Bases that are already resolved are not changed. mode
// is BuildKit's image-resolve-mode, or "" for its default.
func Resolve(ctx context.Context, c gateway.Client, in *plan2llb.Input, mode string) error {
	has := c.BuildOpts().LLBCaps
	in.Caps = caps(has, in.Caps)
	if in.Limits != (plan2llb.Limits{}) && has.Supports(pb.CapExecMetaLinuxResources) != nil {
		return fault.New(fault.Usage, "this BuildKit cannot limit the CPU time or memory of build steps: this requires 0.33 or later").
			WithHint("limit the BuildKit daemon itself, or use another one")
	}
	return registryBases(ctx, c, in, mode)
}

// registryBases resolves the bases from registries through the daemon.
func registryBases(ctx context.Context, c gateway.Client, in *plan2llb.Input, mode string) error {
	for _, w := range wants(in.Plan) {
		if base.IsRef(w.ref) || w.resolved(in) {
			continue
		}
		named, err := reference.ParseNormalizedNamed(w.ref)
		if err != nil {
			return fault.New(fault.Refused, "%q is not an image reference: %v", w.ref, err).
				WithHint("give an image such as debian:13 or registry.example.com/team/base@sha256:…, or a local base such as debian://trixie")
		}
		asked := w.ref
		if reference.IsNameOnly(named) { // BuildKit does not accept a reference without a tag or digest
			asked = reference.TagNameOnly(named).String()
		}
		ref, digest, raw, err := c.ResolveImageConfig(ctx, asked, sourceresolver.Opt{
			LogName:  "resolving the base image " + w.ref,
			ImageOpt: &sourceresolver.ResolveImageOpt{Platform: &in.Platform, ResolveMode: mode},
		})
		if err != nil {
			if ctx.Err() != nil {
				return fault.Interruption(ctx)
			}
			return w.pullFault(err)
		}
		var img ocispecs.Image
		if err := json.Unmarshal(raw, &img); err != nil {
			return fault.Wrap(fault.Refused, err, "the configuration of the base image %s is broken", w.ref)
		}
		w.set(in, plan2llb.Source{Ref: ref, Digest: digest, Config: img.Config, Layers: img.RootFS.DiffIDs})
	}
	return nil
}

// pullFault returns the fault for a base that cannot be pulled.
func (w want) pullFault(err error) error {
	hint := "to build without a registry, use --packages apt; for another base, use --build-image REF"
	if w.run {
		hint = "it is set by start.runImage; without it, the build image is also the run image"
	}
	why, code, passes := explainPull(err, remote.Cause(err))
	if code == fault.Usage {
		hint = "if it exists and you have access: " + dockerLogin(w.ref) + "\n" + hint
	}
	if passes {
		err = transient{err}
	}
	return &fault.Fault{Code: code, Msg: "cannot pull " + w.ref + ": " + why, Hint: hint, Err: err}
}

// dockerLogin returns the command that logs in to the image's registry.
func dockerLogin(ref string) string {
	if named, err := reference.ParseNormalizedNamed(ref); err == nil && reference.Domain(named) != "docker.io" {
		return "docker login " + reference.Domain(named)
	}
	return "docker login"
}

// Error messages of registries, proxies and the network, grouped by what the user can do about them.
var (
	refused = lazy.Regexp(`(?i)\b401 unauthorized|\b403 forbidden|access denied|authorization failed|authentication required|no basic auth credentials`)
	absent  = lazy.Regexp(`(?i)\bnot found\b|name_unknown|manifest_unknown`)
	trouble = lazy.Regexp(`(?i)\b(408 request timeout|429 too many requests|50\d [a-z])`)
	partial = lazy.Regexp(`(?i)unexpected EOF|server closed idle connection|unexpected commit (size|digest)|failed size validation|failed to discard to offset|\bEOF$`)
	broken  = lazy.Regexp(`failed to verify layer|no processor for media-type|mismatched image rootfs|more was sent than the stated|sends a manifest of more than`)
	stalled = lazy.Regexp(`nothing came from \S+ for \S+`)
)

// explainPull classifies a pull error by what the user can do about it. passes is true if a retry may succeed.
func explainPull(err error, cause string) (why string, code fault.Code, passes bool) {
	switch {
	case strings.Contains(cause, "no match for platform"):
		return "it does not exist for this platform", fault.Refused, false
	case broken().MatchString(cause):
		return "the image is invalid (" + cause + ")", fault.Refused, false
	case refused().MatchString(cause):
		return "the registry denied access, or it does not exist (" + cause + ")", fault.Usage, false
	case grpcerrors.Code(err) == codes.NotFound || absent().MatchString(cause):
		return "it does not exist", fault.Refused, false
	}
	why, passes = explainRegistry(cause)
	return why, fault.TryAgain, passes
}

// explainRegistry explains an error of a registry that does not respond, or not as it should. passes is true if a retry may
// succeed.
func explainRegistry(cause string) (why string, passes bool) {
	switch {
	case stalled().MatchString(cause):
		return "the registry does not answer (" + stalled().FindString(cause) + ")", false // the timeout has been long enough
	case trouble().MatchString(cause):
		return "the registry failed (" + cause + ")", true
	case partial().MatchString(cause):
		return "the registry closed the connection early (" + cause + ")", true
	case networkTrouble().MatchString(cause) || strings.Contains(cause, "connection refused"):
		return "the registry cannot be reached (" + cause + ")", true
	}
	return cause, false
}

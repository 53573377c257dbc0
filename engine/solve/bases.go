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
)

// Bases says how base images that are no registry references are made.
type Bases struct {
	CacheDir string                       // where finished bases and downloads are kept
	Mirror   string                       // URL of the Debian archive; "" takes the host's
	CAFile   string                       // authorities to trust for downloads, in PEM; "" is what this machine trusts
	Auth     []byte                       // logins for that archive, as apt's auth.conf has them
	Keyring  string                       // keys that may sign the archive's index; "" is Debian's own
	Refresh  bool                         // look for newer packages
	Pins     map[string]map[string]string // hashes of the packages of bases, by reference and variant (Pin)
	Dates    map[string]map[string]string // when archives had these packages, for a Mirror of snapshots
	Known    map[string]string            // hashes of what apt takes for sets of Debian packages that need not be found, by key
	Locked   bool                         // a base that is made of other packages, or is not pinned, is refused
	Say      func(string)                 // gets a line about what happens; may be nil
}

// IsLocalBase tells whether an image comes from no registry, but is made or read on this machine.
func IsLocalBase(ref string) bool { return base.IsRef(ref) }

// The ids under which a build's own bases are served.
const (
	baseStore = "nixpacks-base"
	runStore  = "nixpacks-run"
)

// want is a base that a plan names.
type want struct {
	ref, store string
	run        bool // it is the image that runs, not the one that builds
	nix        bool // with Nix in it
}

func wants(p *plan.Plan) []want {
	out := []want{{ref: p.BuildImage, store: baseStore, nix: p.UsesNix()}}
	if p.Start != nil && p.Start.RunImage != "" {
		out = append(out, want{ref: p.Start.RunImage, store: runStore, run: true})
	}
	return out
}

// set notes what the base was resolved to.
func (w want) set(in *plan2llb.Input, s plan2llb.Source) {
	if w.run {
		in.Run = &s
		return
	}
	in.Base = s
}

// resolution is what the base was resolved to.
func (w want) resolution(in *plan2llb.Input) plan2llb.Source {
	if w.run {
		return *in.Run
	}
	return in.Base
}

// resolved tells whether it is known what the base is.
func (w want) resolved(in *plan2llb.Input) bool {
	if w.run {
		return in.Run != nil
	}
	return in.Base.State != nil || in.Base.Digest != ""
}

// baseRequest asks for a base that comes from no registry.
func baseRequest(req Request, in plan2llb.Input, w want) base.Request {
	return base.Request{
		Ref: w.ref, Arch: in.Platform.Architecture, Nix: w.nix, Mirror: req.Bases.Mirror, Date: req.Bases.Dates[w.ref][variant(in, w)], Keyring: req.Bases.Keyring,
		CAFile: req.Bases.CAFile, Auth: req.Bases.Auth,
		CacheDir: req.Bases.CacheDir, Refresh: req.Bases.Refresh, Offline: req.Offline, Progress: req.Bases.Say,
	}
}

// base makes a base that comes from no registry. What it says and what its steps say come after what downloads show.
func (e *Engine) base(ctx context.Context, req Request, ask base.Request) (*base.Layout, error) {
	shown := &meter{progress: req.Progress, of: ask.Ref}
	defer shown.end()
	ask.Count = shown.count
	ask.Progress = func(line string) {
		shown.end()
		req.Bases.say(line)
	}
	run := e.stageRunner(req.Progress)
	return base.Resolve(ctx, ask, func(ctx context.Context, stage base.Stage, out io.Writer) error {
		shown.end()
		return run(ctx, stage, out)
	})
}

func (b Bases) say(line string) {
	if b.Say != nil {
		b.Say(line)
	}
}

// localBases makes the bases that come from no registry, and serves them to the build.
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
		req.Progress.Trace.took("[base] make "+w.ref, began)
		if _, taken := j.opt.OCIStores[w.store]; taken { // by another platform's
			w.store += "-" + in.Platform.Architecture + in.Platform.Variant
		}
		source, err := e.give(ctx, j, w.store, w.ref, layout.Dir, image.Select{Digest: layout.Digest, Platform: in.Platform})
		if err != nil {
			return err
		}
		w.set(in, source)
	}
	return nil
}

// Resolve fills in what only the daemon tells: its own abilities, of those that in does not forgo, and what the bases
// are now that come from a registry, so that the graph names them by digest. A base that is resolved already stays.
// mode is BuildKit's image-resolve-mode, "" for its default.
func Resolve(ctx context.Context, c gateway.Client, in *plan2llb.Input, mode string) error {
	has := c.BuildOpts().LLBCaps
	in.Caps = caps(has, in.Caps)
	if in.Limits != (plan2llb.Limits{}) && has.Supports(pb.CapExecMetaLinuxResources) != nil {
		return fault.New(fault.Usage, "this BuildKit cannot limit the CPU time or the memory of steps: that takes 0.33 or later").
			WithHint("limit the BuildKit itself, or build on another one")
	}
	return registryBases(ctx, c, in, mode)
}

// registryBases asks the registries, through the daemon.
func registryBases(ctx context.Context, c gateway.Client, in *plan2llb.Input, mode string) error {
	for _, w := range wants(in.Plan) {
		if base.IsRef(w.ref) || w.resolved(in) {
			continue
		}
		named, err := reference.ParseNormalizedNamed(w.ref)
		if err != nil {
			return fault.New(fault.Refused, "%q is no image reference: %v", w.ref, err).
				WithHint("images look like debian:13 or registry.example.com/team/base@sha256:…, bases without a registry like debian://trixie")
		}
		asked := w.ref
		if reference.IsNameOnly(named) { // which BuildKit takes for no image
			asked = reference.TagNameOnly(named).String()
		}
		ref, digest, raw, err := c.ResolveImageConfig(ctx, asked, sourceresolver.Opt{
			LogName:  "looking for the base image " + w.ref,
			ImageOpt: &sourceresolver.ResolveImageOpt{Platform: &in.Platform, ResolveMode: mode},
		})
		if err != nil {
			if ctx.Err() != nil {
				return interrupted(ctx)
			}
			return w.unpullable(err)
		}
		var img ocispecs.Image
		if err := json.Unmarshal(raw, &img); err != nil {
			return fault.Wrap(fault.Refused, err, "the configuration of the base image %s is broken", w.ref)
		}
		w.set(in, plan2llb.Source{Ref: ref, Digest: digest, Config: img.Config, Layers: img.RootFS.DiffIDs})
	}
	return nil
}

// unpullable is the fault for a base that the registry does not give.
func (w want) unpullable(err error) error {
	hint := "without a registry: --packages apt takes Debian's packages; another base: --build-image REF"
	if w.run {
		hint = "start.runImage names it; without one, the image that builds also runs"
	}
	why, code, passes := whyUnpullable(err, plainCause(err))
	if code == fault.Usage {
		hint = "where it is and you may have it: " + dockerLogin(w.ref) + "\n" + hint
	}
	if passes {
		err = passing{err}
	}
	return &fault.Fault{Code: code, Msg: "cannot pull " + w.ref + ": " + why, Hint: hint, Err: err}
}

// dockerLogin is how to log in to the registry of an image.
func dockerLogin(ref string) string {
	if named, err := reference.ParseNormalizedNamed(ref); err == nil && reference.Domain(named) != "docker.io" {
		return "docker login " + reference.Domain(named)
	}
	return "docker login"
}

// What registries, and the ways to them, say of what people do different things about.
var (
	refused = lazy.Regexp(`(?i)\b401 unauthorized|\b403 forbidden|access denied|authorization failed|authentication required|no basic auth credentials`)
	absent  = lazy.Regexp(`(?i)\bnot found\b|name_unknown|manifest_unknown`)
	trouble = lazy.Regexp(`(?i)\b(408 request timeout|429 too many requests|50\d [a-z])`)
	partial = lazy.Regexp(`(?i)unexpected EOF|unexpected commit (size|digest)|failed size validation|failed to discard to offset|\bEOF$`)
	stalled = lazy.Regexp(`nothing came from \S+ for \S+`)
)

// whyUnpullable tells apart what people do different things about, and whether it may pass by itself in a moment.
func whyUnpullable(err error, cause string) (why string, code fault.Code, passes bool) {
	switch {
	case strings.Contains(cause, "no match for platform"):
		return "it does not exist for this platform", fault.Refused, false
	case refused().MatchString(cause):
		return "the registry refuses it to you, or it does not exist (" + cause + ")", fault.Usage, false
	case grpcerrors.Code(err) == codes.NotFound || absent().MatchString(cause):
		return "it does not exist", fault.Refused, false
	}
	why, passes = whyIll(cause)
	return why, fault.TryAgain, passes
}

// whyIll tells of a registry that gives no answer, or not the one that it should.
func whyIll(cause string) (why string, passes bool) {
	switch {
	case stalled().MatchString(cause):
		return "the registry does not answer (" + stalled().FindString(cause) + ")", false // it was waited for long enough
	case trouble().MatchString(cause):
		return "the registry is in trouble (" + cause + ")", true
	case partial().MatchString(cause):
		return "the registry broke off (" + cause + ")", true
	case networkTrouble().MatchString(cause) || strings.Contains(cause, "connection refused"):
		return "the registry cannot be reached (" + cause + ")", true
	}
	return cause, false
}

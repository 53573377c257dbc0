package solve

import (
	"context"
	"slices"
	"time"

	gateway "github.com/moby/buildkit/frontend/gateway/client"

	"github.com/nixpacks-cue/nixpacks/engine/base"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
	"github.com/nixpacks-cue/nixpacks/engine/plan2llb"
)

// Pin is the current version of an image that a build starts from, or of apt's package selection.
type Pin struct {
	Ref string
	// Variant is that of a base made of packages, such as amd64, or amd64+nix with Nix. It is "" for a registry image.
	Variant string
	// Hash is the hash of the packages, or the digest of the image.
	Hash string
	// Date is the snapshot date of the packages in the archive. It is "" for a registry image.
	Date string
	// Apt is set if the pin is not an image, but apt's selection for the set of Debian packages with the key Ref, in the
	// format of plan2llb.SurveyFile.
	Apt []byte
}

// Pins resolves the images of a plan, and makes local bases. OCI layouts of this machine have no pins.
func (e *Engine) Pins(ctx context.Context, req Request) (pins []Pin, err error) {
	err = e.withRetries(ctx, req, func() error {
		pins, err = e.pins(ctx, req)
		return err
	})
	return pins, err
}

func (e *Engine) pins(ctx context.Context, req Request) ([]Pin, error) {
	j, err := e.newJob(req)
	if err != nil {
		return nil, err
	}
	defer j.close()
	in := req.Lower
	if in.Platform, err = e.platform(ctx, in.Platform, in.Plan); err != nil {
		return nil, err
	}
	in.CA = req.CAFile != ""
	proxies(req, &in)
	if err := e.localBases(ctx, &in, req, j); err != nil {
		return nil, err
	}
	out, err := e.resolveRemote(ctx, &in, req, j)
	if err != nil {
		return nil, err
	}
	for _, w := range wants(in.Plan) {
		if hash, date := base.PackagesOf(baseRequest(req, in, w)); hash != "" {
			out = append(out, Pin{Ref: w.ref, Variant: variant(in, w), Hash: hash, Date: date})
		} else if !base.IsRef(w.ref) {
			out = append(out, Pin{Ref: w.ref, Hash: w.resolution(&in).Digest.String()})
		}
	}
	return out, nil
}

// resolveRemote resolves registry images, and asks apt for its selection for the plan's package sets on images.
func (e *Engine) resolveRemote(ctx context.Context, in *plan2llb.Input, req Request, j *job) (out []Pin, err error) {
	var sets []plan.AptSet
	for _, s := range in.Plan.AptSets() {
		if _, known := req.Bases.Known[s.Key(in.Platform.Architecture)]; !known {
			sets = append(sets, s)
		}
	}
	remote := slices.IndexFunc(wants(in.Plan), func(w want) bool { return !base.IsRef(w.ref) })
	if remote < 0 && sets == nil {
		return nil, nil
	}
	if req.Offline && remote >= 0 {
		return nil, fault.New(fault.Usage, "resolving %s needs its registry, but --offline prevents this", wants(in.Plan)[remote].ref)
	}
	if req.Offline {
		return nil, fault.New(fault.Usage, "resolving the Debian packages %s needs their archive, but --offline prevents this", sets[0])
	}
	_, err = e.run(ctx, j, func(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
		if err := registryBases(ctx, c, in, ""); err != nil {
			return nil, err
		}
		for _, s := range sets {
			taken, err := survey(ctx, c, *in, s)
			if err != nil {
				return nil, err
			}
			out = append(out, Pin{Ref: s.Key(in.Platform.Architecture), Date: time.Now().UTC().Format(base.DateForm), Apt: taken})
		}
		return gateway.NewResult(), nil
	})
	return out, err
}

// survey asks apt for its selection for a set of Debian packages.
func survey(ctx context.Context, c gateway.Client, in plan2llb.Input, s plan.AptSet) ([]byte, error) {
	def, err := plan2llb.Survey(ctx, in, s)
	if err != nil {
		return nil, err
	}
	res, err := c.Solve(ctx, gateway.SolveRequest{Definition: def.ToPB(), Evaluate: true})
	if err != nil {
		return nil, err
	}
	ref, err := res.SingleRef()
	if err != nil {
		return nil, err
	}
	return ref.ReadFile(ctx, gateway.ReadRequest{Filename: plan2llb.SurveyFile})
}

// variant returns the variant of a base (see Pin).
func variant(in plan2llb.Input, w want) string {
	if w.nix {
		return in.Platform.Architecture + plan.WithNix
	}
	return in.Platform.Architecture
}

// pinned makes a base and compares it with its pin. If they differ, it makes the base again from current packages, since
// the cached one may be too old.
func (e *Engine) pinned(ctx context.Context, req Request, in plan2llb.Input, w want) (*base.Layout, error) {
	r := baseRequest(req, in, w)
	layout, err := e.base(ctx, req, r)
	if err != nil {
		return nil, err
	}
	err = checkPinned(req, in, w)
	if err == nil || r.Offline || r.Refresh {
		return layout, err
	}
	r.Refresh = true
	if layout, err = e.base(ctx, req, r); err != nil {
		return nil, err
	}
	return layout, checkPinned(req, in, w)
}

// checkPinned checks that the packages of a base are the pinned ones. If they are not, a retry does not help: an archive
// with newer packages no longer has the old ones.
func checkPinned(req Request, in plan2llb.Input, w want) error {
	was := req.Bases.Pins[w.ref][variant(in, w)]
	is, _ := base.PackagesOf(baseRequest(req, in, w))
	if is == "" || is == was || was == "" && !req.Bases.Locked {
		return nil
	}
	f := fault.New(fault.Refused, "the packages of %s for %s do not match the lock file: the hash is %s, but the lock file has %s", w.ref, variant(in, w), is, was)
	if was == "" {
		f = fault.New(fault.Refused, "the packages of %s for %s are not pinned", w.ref, variant(in, w))
	}
	if !req.Bases.Locked {
		req.Bases.say("note: " + f.Msg)
		return nil
	}
	return f.WithHint(hintMoved)
}

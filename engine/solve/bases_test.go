package solve

import (
	"context"
	"errors"
	"testing"

	"github.com/moby/buildkit/client/llb"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
	"github.com/nixpacks-cue/nixpacks/engine/plan2llb"
)

// TestNixInBase guards against a base without Nix if the toolchain comes from Debian and the app adds Nix packages. Such
// a build failed with "nix-env: command not found".
func TestNixInBase(t *testing.T) {
	for _, c := range []struct {
		packages string
		phase    plan.Phase
		want     bool
	}{
		{"nix", plan.Phase{}, true},
		{"apt", plan.Phase{AptPkgs: []string{"nodejs"}}, false},
		{"apt", plan.Phase{AptPkgs: []string{"nodejs"}, NixPkgs: []string{"ffmpeg"}}, true},
		{"apt", plan.Phase{NixLibs: []string{"zlib"}}, true},
	} {
		p := &plan.Plan{BuildImage: "debian://trixie", Packages: c.packages, Phases: map[string]*plan.Phase{"setup": &c.phase}}
		if got := wants(p)[0].nix; got != c.want {
			t.Errorf("packages %s, phase %+v: the base has Nix: %t", c.packages, c.phase, got)
		}
	}
}

// TestBrokenLayer checks that a layer that cannot be unpacked is the fault of its image, although the step that needs it fails.
func TestBrokenLayer(t *testing.T) {
	of := func(refs ...string) *plan2llb.Result {
		var all []llb.State
		for _, ref := range refs {
			all = append(all, llb.Image(ref))
		}
		def, err := llb.Merge(all).Marshal(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		return &plan2llb.Result{Def: def}
	}
	one := of("registry.example.com/base:1")
	for _, c := range []struct {
		lowered *plan2llb.Result
		cause   string
		code    fault.Code
		text    string
	}{
		{one, "failed to verify layer sha256:0f: expected diffID sha256:2d, got sha256:fa", fault.Refused, "cannot pull registry.example.com/base:1: the image is invalid (failed to verify"},
		{one, "failed to get stream processor for application/x: no processor for media-type", fault.Refused, "the image is invalid ("},
		{one, "more was sent than the stated 5 bytes of sha256:39", fault.Refused, "the image is invalid ("},
		{one, "short read: expected 7 bytes but got 0: unexpected EOF", fault.TryAgain, "the registry closed the connection early"},
		{of("registry.example.com/base:1", "registry.example.com/run:1"), "failed to verify layer sha256:0f", fault.BuildFailed, "failed to verify layer"},
		{one, "the output cannot be written", fault.BuildFailed, "the output cannot be written"},
	} {
		wantFault(t, failure{err: errors.New(c.cause), lowered: c.lowered}.other("a builder"), c.code, c.text)
	}
}

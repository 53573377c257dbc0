package solve

import (
	"testing"

	"github.com/nixpacks-cue/nixpacks/engine/plan"
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

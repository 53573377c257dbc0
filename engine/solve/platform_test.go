package solve

import (
	"testing"

	"github.com/containerd/platforms"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

func TestRefusePlatform(t *testing.T) {
	runs := &plan.Plan{BuildImage: "x", Phases: map[string]*plan.Phase{"build": {Cmds: []string{"make"}}}}
	for _, c := range []struct {
		asked string
		has   []string
		plan  *plan.Plan
		ok    bool
	}{
		{"linux/arm64", []string{"linux/amd64", "linux/386"}, runs, false},
		{"linux/arm64", []string{"linux/amd64", "linux/arm64"}, runs, true},
		{"linux/arm64/v8", []string{"linux/arm64"}, runs, true},
		{"linux/amd64", []string{"linux/amd64/v3"}, runs, true},
		{"linux/amd64/v4", []string{"linux/amd64", "linux/amd64/v3"}, runs, false},
		{"linux/arm/v7", []string{"linux/arm64", "linux/arm/v7"}, runs, true},
		{"linux/arm64", []string{"linux/amd64"}, &plan.Plan{BuildImage: "x", Phases: map[string]*plan.Phase{"a": {}}, Start: &plan.Start{Cmd: "x"}}, true},
		{"linux/arm64", []string{"linux/amd64"}, &plan.Plan{BuildImage: "debian://trixie"}, false},
		{"linux/arm64", []string{"linux/amd64"}, &plan.Plan{BuildImage: "oci-layout:///x"}, true},
		{"linux/arm64", []string{"linux/amd64"}, &plan.Plan{BuildImage: "x", Start: &plan.Start{AptPkgs: []string{"curl"}}}, false},
	} {
		var has []ocispecs.Platform
		for _, h := range c.has {
			has = append(has, platforms.MustParse(h))
		}
		if err := RefusePlatform(platforms.MustParse(c.asked), has, c.plan); (err == nil) != c.ok {
			t.Errorf("%s where there is %v: %v", c.asked, c.has, err)
		}
	}
}

// Nothing is fetched, made or run for a platform that the engine cannot run.
func TestForeignPlatform(t *testing.T) {
	e := engine(t)
	req := layoutOf(t, appDir(t, "main.txt:one"), appPlan(t, "x", "echo"))
	req.Lower.Plan.BuildImage = "localhost:1/never:asked"
	req.Lower.Platform = ocispecs.Platform{OS: "linux", Architecture: "s390x"}
	_, err := e.Build(t.Context(), req)
	wantFault(t, err, fault.Usage, "error: the builder cannot run programs for linux/s390x, only for linux/")
	wantFault(t, err, fault.Usage, "install emulation")
}

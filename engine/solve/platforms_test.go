package solve

import (
	"path/filepath"
	"strings"
	"testing"

	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/image"
	"github.com/nixpacks-cue/nixpacks/engine/plan2llb"
)

// A build for two platforms creates one index, with the image of each platform's own plan.
func TestPlatforms(t *testing.T) {
	e := engine(t)
	req := layoutOf(t, appDir(t, "main.txt:both"), nil)
	var ins []plan2llb.Input
	for _, arch := range []string{"amd64", "arm64"} {
		dir := filepath.Join(t.TempDir(), "base")
		if err := writeImageOf(arch, dir, map[string]string{"bin/bash": arch}, ocispecs.ImageConfig{}); err != nil {
			t.Fatal(err)
		}
		p := appPlan(t, "start on "+arch)
		p.BuildImage = "oci-layout://" + dir
		ins = append(ins, plan2llb.Input{Plan: p, Platform: ocispecs.Platform{OS: "linux", Architecture: arch}})
	}
	req.Lower, req.Also = ins[0], ins[1:]
	r := build(t, e, req)
	for _, in := range ins {
		img, err := image.Open(req.Outputs[0].Dest, image.Select{Digest: r.Outputs[0].Digest, Platform: in.Platform})
		if err != nil {
			t.Fatal(err)
		}
		arch := in.Platform.Architecture
		if c := img.Config; c.Architecture != arch || len(c.Config.Cmd) != 1 || !strings.HasSuffix(c.Config.Cmd[0], "start on "+arch) {
			t.Errorf("%s: %s starts with %q", arch, c.Architecture, c.Config.Cmd)
		}
		img.Close()
	}
	if again := build(t, e, req); again.Outputs[0].Digest != r.Outputs[0].Digest {
		t.Errorf("%s, again %s", r.Outputs[0].Digest, again.Outputs[0].Digest)
	}
	req.MaxSize = 1
	_, err := e.Build(t.Context(), req)
	wantFault(t, err, fault.Refused, "the image for linux/amd64 is too large: ")
	req.MaxSize = 0
	req.Outputs = []Output{{Type: TypeDocker, Dest: filepath.Join(t.TempDir(), "x.tar")}}
	_, err = e.Build(t.Context(), req)
	wantFault(t, err, fault.Usage, "an output of type docker supports only one platform")
	req.Also = append(req.Also, ins[0])
	_, err = e.Build(t.Context(), req)
	wantFault(t, err, fault.Usage, "platform linux/amd64 is given twice")
}

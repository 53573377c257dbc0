package cli

import (
	"runtime"
	"slices"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	ucli "github.com/urfave/cli/v2"

	"github.com/nixpacks-cue/nixpacks/engine/base"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan2llb"
)

func llbCommand(h *Host) *ucli.Command {
	return &ucli.Command{
		Name:      "llb",
		Usage:     "print the build graph (LLB) of an app",
		ArgsUsage: "[PATH]",
		Description: "Prints the LLB vertices of the plan, the image configuration, and one digest of both, as JSON. Nothing is resolved:\n" +
			"bases are named, not pinned, so the same plan gives the same digest on every machine. With --verbose, each vertex\n" +
			"also lists where its value was set.",
		Flags:  slices.Concat(planFlags(), policyFlags(), lowerFlags()),
		Action: func(c *ucli.Context) error { return llbAction(c, h) },
	}
}

// graph is what `nixpacks llb` prints.
type graph struct {
	Digest   digest.Digest             `json:"digest"`
	Vertices []plan2llb.Vertex         `json:"vertices"`
	Image    dockerspec.DockerOCIImage `json:"image"`
}

func llbAction(c *ucli.Context, h *Host) error {
	saved, dir, err := enforcedPlan(c, h)
	if err != nil {
		return err
	}
	p := saved.Plan
	in, err := lowerInput(c, saved)
	if err != nil {
		return err
	}
	if c.String("secrets-hash") == hashAuto {
		return fault.New(fault.Usage, "--secrets-hash auto needs the secrets of a build").WithHint("give a text instead")
	}
	rules, err := rulesFor(dir, p)
	if err != nil {
		return err
	}
	in.Ignore = rules.Patterns()
	if in.Platform.OS == "" {
		in.Platform = ocispecs.Platform{OS: "linux", Architecture: runtime.GOARCH}
	}
	if !h.verbose { // a saved plan prints the same as the app that it was made from
		in.Origins = nil
	}
	in.LocalUniqueID = "nixpacks-llb" // keeps the time and the process out of the digest
	in.Base = named(p.BuildImage)
	if p.Start != nil && p.Start.RunImage != "" {
		run := named(p.Start.RunImage)
		in.Run = &run
	}
	res, err := plan2llb.Lower(c.Context, in)
	if err != nil {
		return err
	}
	return h.printJSON(graph{res.Digest, res.Vertices, res.Image})
}

// named returns a base that has not been resolved. A base that a build serves from this machine has a digest; the digest of
// its name takes that place here.
func named(ref string) plan2llb.Source {
	if !base.IsRef(ref) {
		return plan2llb.Source{Ref: ref}
	}
	return plan2llb.Source{Ref: ref, Layout: true, StoreID: "named", Digest: digest.FromString(ref)}
}

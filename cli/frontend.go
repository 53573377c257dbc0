package cli

import (
	"fmt"
	"os"
	"strings"

	ucli "github.com/urfave/cli/v2"

	"github.com/nixpacks-cue/nixpacks/engine/catalog"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/frontend"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
	"github.com/nixpacks-cue/nixpacks/engine/policy"
	"github.com/nixpacks-cue/nixpacks/engine/solve"
)

func frontendCommand(h *Host) *ucli.Command {
	return &ucli.Command{
		Name:  "frontend",
		Usage: "be a frontend of BuildKit, or make the image of one",
		Description: "BuildKit starts `nixpacks frontend` for a build whose file names the frontend's image (# syntax=IMAGE), and\n" +
			"talks with it over standard input and output. docs/frontend.md says more.",
		Subcommands: []*ucli.Command{frontendImage(h)},
		Flags: []ucli.Flag{
			&ucli.StringFlag{Name: frontend.PoliciesFlag, Category: aboutConfig, Usage: "hold every plan to the policies in the folders of `DIR`; the image's start command has it"},
			&ucli.StringSliceFlag{Name: frontend.BaseFlag, Category: aboutConfig, Usage: "`REF=IMAGE`: take that image for the base REF; the image's start command has it (repeatable)"},
		},
		Action: func(c *ucli.Context) error {
			if c.Args().Present() {
				return unknownCommand(c, c.Command.Subcommands)
			}
			if _, ok := environMap(h.Environ)["BUILDKIT_SESSION_ID"]; !ok {
				return ucli.ShowSubcommandHelp(c)
			}
			cat, err := catalog.Builtin()
			if err != nil {
				return err
			}
			var op frontend.Operator
			if c.IsSet(frontend.PoliciesFlag) {
				if op.Policies, err = frontend.ReadPolicies(c.String(frontend.PoliciesFlag)); err != nil {
					return err
				}
			}
			if op.Bases, err = namedBases(c); err != nil {
				return err
			}
			return frontend.Run(c.Context, cat, op)
		},
	}
}

func frontendImage(h *Host) *ucli.Command {
	return &ucli.Command{
		Name:  "image",
		Usage: "make the frontend's image",
		Description: "The image holds this program alone, statically linked:\n\n" +
			"   CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o nixpacks-static ./cli/nixpacks\n" +
			"   nixpacks frontend image --binary nixpacks-static --output frontend/ --push registry.example.com/nixpacks:1\n\n" +
			"With --policy every plan that it makes or is given must meet these policies, whatever a client says. With --base debian://trixie=NAME\n" +
			"that base is made, for this machine's platform, and pushed as NAME; the frontend builds on it where a plan names debian://trixie.",
		Flags: append(engineFlags(),
			&ucli.StringSliceFlag{Name: frontend.BaseFlag, Category: aboutImage, Usage: "`REF=NAME`: make the base REF, push it as NAME, and let the frontend build on that (repeatable)"},
			&ucli.StringSliceFlag{Name: "binary", Category: aboutImage, Usage: "the program as `FILE`, one for each platform (repeatable; default: this program itself)"},
			&ucli.StringFlag{Name: "output", Category: aboutImage, Usage: "write the image to `DIR`, as an OCI layout"},
			&ucli.StringSliceFlag{Name: "policy", Category: aboutConfig, Usage: "refuse plans that do not meet the policies in `FILE|DIR`, or in the module MODULE@VERSION@sha256:DIGEST of a registry (repeatable)"},
			&ucli.StringSliceFlag{Name: "push", Category: aboutImage, Usage: "push it as `NAME`, with what docker login knows (repeatable)"},
			jsonErrorsFlag(),
		),
		Action: func(c *ucli.Context) error { return frontendImageAction(c, h) },
	}
}

func frontendImageAction(c *ucli.Context, h *Host) error {
	dir, names := c.String("output"), c.StringSlice("push")
	if dir == "" && len(names) == 0 {
		return fault.New(fault.Usage, "the image has nowhere to go").WithHint("give --output DIR, or --push NAME")
	}
	if dir == "" {
		temp, err := os.MkdirTemp("", "nixpacks-frontend")
		if err != nil {
			return fault.Wrap(fault.Usage, err, "no place for the image")
		}
		defer os.RemoveAll(temp)
		dir = temp
	}
	binaries := c.StringSlice("binary")
	if len(binaries) == 0 {
		self, err := os.Executable()
		if err != nil {
			return fault.Wrap(fault.Usage, err, "this program does not know its own file").(*fault.Fault).WithHint("give it with --binary FILE")
		}
		binaries = []string{self}
	}
	var op frontend.Operator
	var err error
	if op.Policies, err = frontendPolicies(c, h); err != nil {
		return err
	}
	if op.Bases, err = frontendBases(c, h); err != nil {
		return err
	}
	if err := frontend.WriteImage(dir, binaries, op); err != nil {
		return err
	}
	for _, name := range names {
		if err := solve.Push(c.Context, dir, name); err != nil {
			return err
		}
		fmt.Fprintf(h.Stderr, "pushed %s\n", name)
	}
	return nil
}

// frontendPolicies reads the policies of --policy, and checks that they are valid before they go into an image. There is no
// app whose lock could pin a module.
func frontendPolicies(c *ucli.Context, h *Host) (out [][]catalog.Source, err error) {
	for _, name := range c.StringSlice("policy") {
		files, err := frontendPolicy(c, h, name)
		if err != nil {
			return nil, err
		}
		out = append(out, files)
	}
	_, err = policy.Check(policy.Input{Plan: &plan.Plan{}, Origins: func() *plan.Origins { return nil }, Given: out})
	return out, err
}

func frontendPolicy(c *ucli.Context, h *Host, name string) ([]catalog.Source, error) {
	if !isModule(name) {
		return policySources(name)
	}
	if !strings.Contains(name, "@sha256:") {
		return nil, fault.New(fault.Usage, "--policy %s does not say which module of that version", name).WithHint("say it by its digest: --policy %s@sha256:DIGEST", name)
	}
	pin, err := givenPin(name)
	if err != nil {
		return nil, err
	}
	from, err := registries(c, h)
	if err != nil {
		return nil, err
	}
	m, err := from.Get(c.Context, pin)
	if err != nil {
		return nil, err
	}
	return policiesIn(m)
}

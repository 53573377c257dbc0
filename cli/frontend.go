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
		Usage: "run as a BuildKit frontend, or build the frontend's image",
		Description: "BuildKit starts `nixpacks frontend` for a build whose file names the frontend's image (# syntax=IMAGE), and\n" +
			"communicates with it over stdin and stdout. See docs/frontend.md.",
		Subcommands: []*ucli.Command{frontendImage(h)},
		Flags: []ucli.Flag{
			&ucli.StringFlag{Name: frontend.PoliciesFlag, Category: aboutConfig, Usage: "check every plan against the policies in the subdirectories of `DIR`; set by the image's start command"},
			&ucli.StringSliceFlag{Name: frontend.BaseFlag, Category: aboutConfig, Usage: "`REF=IMAGE`: use IMAGE for the base REF; set by the image's start command (repeatable)"},
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
		Usage: "build the frontend's image",
		Description: "The image contains only this program, statically linked:\n\n" +
			"   CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o nixpacks-static ./cli/nixpacks\n" +
			"   nixpacks frontend image --binary nixpacks-static --output frontend/ --push registry.example.com/nixpacks:1\n\n" +
			"With --policy, every plan that the frontend makes or receives must meet these policies, regardless of the client. With\n" +
			"--base debian://trixie=NAME, the base is built for this machine's platform and pushed as NAME; the frontend uses it for\n" +
			"plans that name debian://trixie.",
		Flags: append(engineFlags(),
			&ucli.StringSliceFlag{Name: frontend.BaseFlag, Category: aboutImage, Usage: "`REF=NAME`: build the base REF, push it as NAME, and use it in the frontend (repeatable)"},
			&ucli.StringSliceFlag{Name: "binary", Category: aboutImage, Usage: "use the program `FILE`, one per platform (repeatable; default: this program)"},
			&ucli.StringFlag{Name: "output", Category: aboutImage, Usage: "write the image to `DIR` as an OCI layout"},
			&ucli.StringSliceFlag{Name: "policy", Category: aboutConfig, Usage: "reject plans that violate policies in `FILE|DIR` or the module MODULE@VERSION@sha256:DIGEST (repeatable)"},
			&ucli.StringSliceFlag{Name: "push", Category: aboutImage, Usage: "push the image as `NAME`, with the credentials of docker login (repeatable)"},
			jsonErrorsFlag(),
		),
		Action: func(c *ucli.Context) error { return frontendImageAction(c, h) },
	}
}

func frontendImageAction(c *ucli.Context, h *Host) error {
	dir, names := c.String("output"), c.StringSlice("push")
	if dir == "" && len(names) == 0 {
		return fault.New(fault.Usage, "no destination for the image").WithHint("give --output DIR, or --push NAME")
	}
	if dir == "" {
		temp, err := os.MkdirTemp("", "nixpacks-frontend")
		if err != nil {
			return fault.Wrap(fault.Usage, err, "cannot create a directory for the image")
		}
		defer os.RemoveAll(temp)
		dir = temp
	}
	binaries := c.StringSlice("binary")
	if len(binaries) == 0 {
		self, err := os.Executable()
		if err != nil {
			return fault.Wrap(fault.Usage, err, "cannot find the file of this program").(*fault.Fault).WithHint("give it with --binary FILE")
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
		return nil, fault.New(fault.Usage, "--policy %s has no digest", name).WithHint("give the digest: --policy %s@sha256:DIGEST", name)
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

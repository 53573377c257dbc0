package cli

import (
	"strings"

	ucli "github.com/urfave/cli/v2"

	"github.com/nixpacks-cue/nixpacks/engine/catalog"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/modules"
)

func providersPublish(h *Host) *ucli.Command {
	return &ucli.Command{
		Name:      "publish",
		Usage:     "publish a provider as a CUE module to an OCI registry",
		ArgsUsage: "[DIR] VERSION",
		Description: "DIR (default: the current directory) is a provider or a folder of providers, with a cue.mod/module.cue that sets the module\n" +
			"name. The registry is taken from CUE_REGISTRY, with docker's credentials. cue mod publish produces the same module. Providers\n" +
			"that nixpacks providers vet rejects are not published, and an existing version is not changed:\n\n" +
			"   CUE_REGISTRY=registry.example.com nixpacks providers publish providers/lua v0.1.0",
		Flags:  []ucli.Flag{jsonErrorsFlag()},
		Action: func(c *ucli.Context) error { return providersPublishAction(c, h) },
	}
}

func providersPublishAction(c *ucli.Context, h *Host) error {
	dir, v := ".", c.Args().First()
	if c.NArg() == 2 {
		dir, v = c.Args().First(), c.Args().Get(1)
	}
	if c.NArg() < 1 || c.NArg() > 2 || !strings.HasPrefix(v, "v") {
		return fault.New(fault.Usage, "publish needs a VERSION such as v0.1.0, and optionally a DIR before it").WithHint("see: nixpacks providers publish --help")
	}
	packed, err := modules.Pack(c.Context, dir, v)
	if err != nil {
		return err
	}
	if err := vetModule(packed.Module, dir); err != nil {
		return err
	}
	to, err := registries(c, h)
	if err != nil {
		return err
	}
	done, err := to.Publish(c.Context, packed)
	if err != nil {
		return err
	}
	w := newTable(h)
	did := "published"
	if done.There {
		did = "there already"
	}
	w.row(did, packed.String())
	w.row("as", done.Ref)
	w.row("digest", packed.Digest)
	w.row("files", strings.Join(packed.Files, " "))
	_, err = h.Stdout.Write(w.text())
	return err
}

// vetModule refuses a module that holds no providers, or providers that are not valid. Positions in it begin with label. It
// checks the packed module, not the folder, because packing leaves out symlinks.
func vetModule(m *modules.Module, label string) error {
	if _, err := catalog.Vet(m.FS, label); err != nil {
		return err
	}
	_, _, err := withOurs(m.FS, label)
	return err
}

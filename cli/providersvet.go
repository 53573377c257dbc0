package cli

import (
	"errors"
	"fmt"

	ucli "github.com/urfave/cli/v2"

	"github.com/nixpacks-cue/nixpacks/engine/catalog"
)

func providersVet(h *Host) *ucli.Command {
	return &ucli.Command{
		Name:      "vet",
		Usage:     "check providers without an app and print all errors",
		ArgsUsage: "[DIR]",
		Description: "DIR is a provider or a folder of providers. Checks each provider against the provider schema, and its order among the\n" +
			"others. To check its result for an app, use nixpacks providers test.",
		Flags:  []ucli.Flag{jsonErrorsFlag()},
		Action: func(c *ucli.Context) error { return providersVetAction(c, h) },
	}
}

func providersVetAction(c *ucli.Context, h *Host) error {
	dir, root, err := namedProviders(c)
	if err != nil {
		return err
	}
	right, err := catalog.Vet(root.FS(), dir)
	if err == nil {
		_, _, err = withOurs(root.FS(), dir)
	}
	for _, at := range right {
		if _, e := fmt.Fprintf(h.Stdout, "ok    %s\n", at); e != nil {
			return errors.Join(err, e)
		}
	}
	return err
}

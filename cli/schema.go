package cli

import (
	ucli "github.com/urfave/cli/v2"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/unify"
)

func schemaCommand(h *Host) *ucli.Command {
	return &ucli.Command{
		Name:      "schema",
		Usage:     "print what a configuration or a plan may say, for editors and checks",
		ArgsUsage: "[toml|json|plan]",
		Description: "JSON Schema of nixpacks.toml and nixpacks.json, which is also what is printed without a word, or of a plan; with --cue what\n" +
			"nixpacks.cue may say, as CUE to lie beside it:\n\n" +
			"   nixpacks schema > nixpacks.schema.json\n   nixpacks schema --cue > nixpacks_schema.cue && cue vet nixpacks.cue nixpacks_schema.cue",
		Flags: []ucli.Flag{&ucli.BoolFlag{Name: "cue", Category: aboutWords, Usage: "print CUE"},
			&ucli.BoolFlag{Name: "json-errors", Category: aboutWords, Usage: "print errors as JSON"}},
		OnUsageError: usageError,
		Action:       func(c *ucli.Context) error { return schemaAction(c, h) },
	}
}

func schemaAction(c *ucli.Context, h *Host) error {
	what := c.Args().First()
	known := map[string]bool{"": true, "toml": true, "json": true, "plan": false}
	configuration, ok := known[what]
	if !ok || c.NArg() > 1 || what != "" && c.Bool("cue") {
		return fault.New(fault.Usage, "there is no schema of %q", c.Args().Slice()).WithHint("known: toml, json, plan, and --cue without a word")
	}
	out, err := unify.JSONSchema(configuration)
	if c.Bool("cue") {
		out, err = unify.CUESchema()
	}
	if err == nil {
		_, err = h.Stdout.Write(out)
	}
	return err
}

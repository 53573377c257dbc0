package cli

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	ucli "github.com/urfave/cli/v2"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/unify"
	"github.com/nixpacks-cue/nixpacks/schema"
)

func schemaCommand(h *Host) *ucli.Command {
	return &ucli.Command{
		Name:      "schema",
		Usage:     "print the schema of a configuration or a plan, for editors and validators",
		ArgsUsage: "[toml|json|plan]",
		Description: "Prints the JSON Schema of nixpacks.toml and nixpacks.json (the default), or of a plan. With --cue, prints the CUE schema of\n" +
			"nixpacks.cue, to be placed beside it:\n\n" +
			"   nixpacks schema > nixpacks.schema.json\n   nixpacks schema --cue > nixpacks_schema.cue && cue vet nixpacks.cue nixpacks_schema.cue\n\n" +
			"With --module, writes the whole schema as the CUE module that providers import, for the cue command: see docs/providers.md.",
		Flags: []ucli.Flag{&ucli.BoolFlag{Name: "cue", Category: aboutWords, Usage: "print the CUE schema"},
			&ucli.StringFlag{Name: "module", Category: aboutWords, Usage: "write the module " + schema.Module + " to `DIR` without printing"},
			&ucli.BoolFlag{Name: "json-errors", Category: aboutWords, Usage: "print errors as JSON"}},
		Action: func(c *ucli.Context) error { return schemaAction(c, h) },
	}
}

// writeSchema writes the schema's module to a directory that is empty, does not exist, or holds the module already.
func writeSchema(dir string) error {
	if dir == "" {
		return fault.New(fault.Usage, "--module needs a directory")
	}
	own, err := fs.ReadFile(schema.FS, schemaManifest)
	if err != nil {
		return err
	}
	old, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fault.Wrap(fault.Usage, err, "cannot write to %s", dir)
	}
	there, _ := os.ReadFile(filepath.Join(dir, filepath.FromSlash(schemaManifest)))
	if len(old) > 0 && !bytes.Equal(own, there) {
		return fault.New(fault.Usage, "%s is not empty and does not contain the schema", dir).WithHint("give an empty or new directory")
	}
	for _, e := range old { // maybe of another version
		if filepath.Ext(e.Name()) == ".cue" {
			if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
				return fault.Wrap(fault.Usage, err, "cannot write to %s", dir)
			}
		}
	}
	return fs.WalkDir(schema.FS, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(schema.FS, name)
		if err != nil {
			return err
		}
		return writeFile(filepath.Join(dir, filepath.FromSlash(name)), string(text))
	})
}

// schemaManifest is the file that names the schema's module.
const schemaManifest = "cue.mod/module.cue"

func schemaAction(c *ucli.Context, h *Host) error {
	what := c.Args().First()
	known := map[string]bool{"": true, "toml": true, "json": true, "plan": false}
	configuration, ok := known[what]
	if c.IsSet("module") && (c.Args().Present() || c.Bool("cue")) {
		return fault.New(fault.Usage, "--module cannot be combined with --cue or arguments")
	}
	if c.IsSet("module") {
		return writeSchema(c.String("module"))
	}
	if !ok || c.NArg() > 1 || what != "" && c.Bool("cue") {
		return fault.New(fault.Usage, "there is no schema of %q", c.Args().Slice()).WithHint("known: toml, json, plan; --cue takes no argument")
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

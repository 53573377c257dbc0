package cli

import (
	_ "embed"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	ucli "github.com/urfave/cli/v2"
	"golang.org/x/tools/txtar"

	"github.com/nixpacks-cue/nixpacks/engine/catalog"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/lazy"
)

// newProvider holds the files of a new provider. NAME stands for its name, and PACKAGE for the name of its CUE package.
//
//go:embed newprovider.txtar
var newProvider []byte

func providersNew(h *Host) *ucli.Command {
	return &ucli.Command{
		Name:      "new",
		Usage:     "create a provider from a template",
		ArgsUsage: "NAME [DIR]",
		Description: "Writes a CUE module with a provider called NAME and one test case to DIR, which must not exist (default:\n" +
			"providers/NAME). Comments in the files describe what to change.",
		Flags:  []ucli.Flag{jsonErrorsFlag()},
		Action: func(c *ucli.Context) error { return providersNewAction(c, h) },
	}
}

var providerName = lazy.Regexp(`^[a-z][a-z0-9]*([_-][a-z0-9]+)*$`)

func providersNewAction(c *ucli.Context, h *Host) error {
	name, dir := c.Args().Get(0), c.Args().Get(1)
	if c.NArg() < 1 || c.NArg() > 2 {
		return fault.New(fault.Usage, "new needs the NAME of a provider, and optionally a DIR to write it to").WithHint("see: nixpacks providers new --help")
	}
	if !providerName().MatchString(name) {
		return fault.New(fault.Usage, "%q is not a valid name for a new provider", name).WithHint("use lowercase letters and digits, with - or _ between them, such as lua or my-lua")
	}
	if dir == "" {
		dir = filepath.Join(catalog.AppFolder, name)
	}
	if _, err := os.Lstat(dir); err == nil {
		return fault.New(fault.Usage, "%s already exists", dir).WithHint("give another DIR")
	}
	words := strings.NewReplacer("NAME", name, "PACKAGE", strings.ReplaceAll(name, "-", "_"))
	for _, f := range txtar.Parse(newProvider).Files {
		text := words.Replace(string(f.Data))
		if path.Ext(f.Name) == ".txtar" { // the markers of a case inside this archive are written differently
			text = strings.ReplaceAll(text, "\n>> ", "\n-- ")
		}
		if err := writeFile(filepath.Join(dir, filepath.FromSlash(f.Name)), text); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(h.Stdout, "wrote %[1]s\nnext: nixpacks providers vet %[1]s; nixpacks providers test %[1]s\n", dir)
	return err
}

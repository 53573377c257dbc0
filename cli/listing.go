package cli

import (
	"bytes"
	"encoding/json"
	"io"

	ucli "github.com/urfave/cli/v2"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// onlyCommands is the action of a command that only has subcommands.
func onlyCommands(c *ucli.Context) error {
	if c.Args().Present() {
		return unknownCommand(c, c.Command.Subcommands)
	}
	return ucli.ShowSubcommandHelp(c)
}

// formatFlag belongs to commands that list something.
func formatFlag() ucli.Flag {
	return &ucli.StringFlag{Name: "format", Aliases: []string{"f"}, Value: "text", Category: aboutWords, Usage: "`text|json`: set the output format; sizes in JSON are in bytes (default: text)"}
}

// wantsJSON reports whether formatFlag asks for JSON.
func wantsJSON(c *ucli.Context) (bool, error) {
	format := c.String("format")
	if format != "text" && format != "json" {
		return false, fault.New(fault.Usage, "unknown format %q", format).WithHint("known: text, json")
	}
	return format == "json", nil
}

// printJSON prints a value as JSON, in the format that all commands use.
func (h *Host) printJSON(v any) error { return printJSON(h.Stdout, v) }

func printJSON(w io.Writer, v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	if err == nil {
		_, err = w.Write(fault.VisibleJSON(b.Bytes()))
	}
	return err
}

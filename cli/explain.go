package cli

import (
	"os"
	"slices"
	"strings"

	ucli "github.com/urfave/cli/v2"

	"github.com/nixpacks-cue/nixpacks/engine/budget"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

func explainCommand(h *Host) *ucli.Command {
	return &ucli.Command{
		Name:      "explain",
		Usage:     "explain where the values of an app's plan come from",
		ArgsUsage: "[PATH] [VALUE]",
		Description: "Prints why each provider is used or not, the selected versions and what requested them, and what set each value of the\n" +
			"plan: a provider, a file of the app, a variable or a flag. For one VALUE, such as phases.install.cmds, or for all values\n" +
			"below phases.install, it prints every source in order of increasing precedence, and the facts about the app on which a\n" +
			"provider's value is based.",
		Flags: append(planFlags(), &ucli.StringFlag{Name: "format", Aliases: []string{"f"}, Value: "text", Category: aboutWords,
			Usage: "`text|json|html`: set the output format; html is a self-contained page (default: text)"}),
		Action: func(c *ucli.Context) error { return explainAction(c, h) },
	}
}

func explainAction(c *ucli.Context, h *Host) error {
	format := c.String("format")
	if !slices.Contains([]string{"text", "json", "html"}, format) {
		return fault.New(fault.Usage, "unknown format %q", format).WithHint("known: text, json, html")
	}
	path, value, err := explained(c)
	if err != nil {
		return err
	}
	table := format == "text" && value == ""
	return planFor(c, h, path, func(p *planned) error {
		var e *explanation
		err := budget.New().Run(budget.Work{Costly: p.App.Costly}, func() (err error) {
			e, err = explanationOf(p, value, !table)
			return err
		})
		if err != nil {
			return err
		}
		return e.print(h, p, path, value, format)
	})
}

// print writes the explanation of one value, or of all values if value is "".
func (e *explanation) print(h *Host, p *planned, path, value, format string) error {
	switch {
	case format == "json":
		return h.printJSON(e)
	case format == "html":
		return e.page(p, path, value).Write(h.Stdout)
	case value != "":
		_, err := h.Stdout.Write(e.reasons(h))
		return err
	}
	_, err := h.Stdout.Write(e.text(h))
	return err
}

// explained parses the arguments: an app, a value, both or neither. A single argument is a value if it names a field of a
// plan and there is no such path.
func explained(c *ucli.Context) (path, value string, err error) {
	words := c.Args().Slice()
	switch {
	case len(words) == 0:
		return ".", "", nil
	case len(words) == 2:
		return words[0], words[1], nil
	case len(words) > 2:
		return "", "", fault.New(fault.Usage, "expected at most one PATH and one VALUE, got %q", words).WithHint("see: nixpacks explain --help")
	}
	first, _, _ := strings.Cut(words[0], ".")
	if _, err := os.Stat(words[0]); err != nil && plan.IsField(first) {
		return ".", words[0], nil
	}
	return words[0], "", nil
}

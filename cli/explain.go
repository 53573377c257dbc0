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
		Usage:     "print why an app's plan is what it is",
		ArgsUsage: "[PATH] [VALUE]",
		Description: "Prints why each provider plans the app or does not, the versions that were chosen and who asked for these, and for\n" +
			"each value of the plan who set it: a provider, a file of the app, a variable or a flag. Of one VALUE, such as\n" +
			"phases.install.cmds, or of all below phases.install, it prints everybody who has a say, in the order in which they go over\n" +
			"one another, and the facts about the app for which a provider says so.",
		Flags: append(planFlags(), &ucli.StringFlag{Name: "format", Aliases: []string{"f"}, Value: "text", Category: aboutWords,
			Usage: "`text|json|html`: a table, data, or a page that needs nothing else (default: text)"}),
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
		return "", "", fault.New(fault.Usage, "one PATH and one VALUE at most, got %q", words).WithHint("see: nixpacks explain --help")
	}
	first, _, _ := strings.Cut(words[0], ".")
	if _, err := os.Stat(words[0]); err != nil && plan.IsField(first) {
		return ".", words[0], nil
	}
	return words[0], "", nil
}

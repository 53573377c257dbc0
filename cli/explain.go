package cli

import (
	"bytes"
	"encoding/json"
	"strings"
	"text/tabwriter"

	ucli "github.com/urfave/cli/v2"

	"github.com/nixpacks-cue/nixpacks/engine/detect"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

func explainCommand(h *Host) *ucli.Command {
	return &ucli.Command{
		Name:      "explain",
		Usage:     "print why an app's plan is what it is",
		ArgsUsage: "[PATH]",
		Description: "Prints what the providers look for, the versions that they chose and who asked for these, and for each value of\n" +
			"the plan who set it: a provider, a file of the app, a variable or a flag.",
		Flags:        planFlags(),
		OnUsageError: usageError,
		Action: func(c *ucli.Context) error {
			p, err := makePlan(c, h)
			if err != nil {
				return err
			}
			_, err = h.Stdout.Write(explanation(p))
			return err
		},
	}
}

func explanation(p *planned) []byte {
	var b bytes.Buffer
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	section(w, "providers")
	for _, name := range p.Providers {
		provider, _ := p.catalog.Get(name)
		row(w, "  "+name, "looks for "+detect.Lookup(provider.Detect()))
	}
	if len(p.Providers) == 0 {
		row(w, "  none")
	}
	versionRows(w, p)
	section(w, "values")
	for _, l := range p.Plan.Leaves() {
		if l.Path[0] == "providers" { // a finished plan has none left to run
			continue
		}
		at, ok := p.Origin(l.Path...)
		row(w, "  "+strings.Join(l.Path, "."), brief(l.Value), setBy(at, ok))
	}
	w.Flush()
	return trimLines(bytes.TrimLeft(b.Bytes(), "\n"))
}

// setBy says in words who set a value.
func setBy(at fault.Pos, known bool) string {
	switch {
	case !known:
		return "default"
	case at.Label != "":
		return at.Label + " (" + at.String() + ")"
	}
	return at.String()
}

// widest is how much of a value is shown, in characters.
const widest = 60

// brief is a value as JSON, cut to fit a line.
func brief(v any) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err.Error()
	}
	text := []rune(strings.TrimSpace(b.String()))
	if len(text) > widest {
		return string(text[:widest-1]) + "…"
	}
	return string(text)
}

package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	toml "github.com/pelletier/go-toml/v2"
	ucli "github.com/urfave/cli/v2"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/lazy"
	"github.com/nixpacks-cue/nixpacks/engine/unify"
)

func planCommand(h *Host) *ucli.Command {
	return &ucli.Command{
		Name:      "plan",
		Usage:     "print the build plan of an app",
		ArgsUsage: "[PATH]",
		Description: "Prints the plan as JSON. A saved plan builds the same image again later:\n\n" +
			"   nixpacks plan . > plan.json\n   nixpacks build --plan plan.json .",
		Flags: append(slices.Concat(planFlags(), policyFlags()),
			&ucli.StringFlag{Name: "format", Aliases: []string{"f"}, Value: "json", Category: aboutWords, Usage: "`json|toml|text`: set the output format; text is a human-readable table (default: json)"}),
		Action: func(c *ucli.Context) error { return planAction(c, h) },
	}
}

func planAction(c *ucli.Context, h *Host) error {
	encode, ok := map[string]func(*Host, *planned) ([]byte, error){"json": planJSON, "toml": planTOML, "text": planText}[c.String("format")]
	if !ok {
		return fault.New(fault.Usage, "unknown format %q", c.String("format")).WithHint("known: json, toml, text")
	}
	p, err := makePlan(c, h)
	if err != nil {
		return err
	}
	if err := enforce(c, h, p.Plan, p.Origins, p.dir); err != nil {
		return err
	}
	out, err := encode(h, p)
	if err != nil {
		return err
	}
	_, err = h.Stdout.Write(out)
	return err
}

func planJSON(_ *Host, p *planned) ([]byte, error) { return p.Plan.JSON(), nil }

// planTOML converts the plan's JSON, so that both formats have the same fields.
func planTOML(_ *Host, p *planned) ([]byte, error) {
	var v map[string]any
	if err := json.Unmarshal(p.Plan.JSON(), &v); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err := toml.NewEncoder(&b).SetIndentTables(false).SetArraysMultiline(false).Encode(v)
	return visibleTOML(b.Bytes()), err
}

var tomlString = lazy.Regexp(`"(?:\\.|[^"\\])*"|'[^']*'`)

// visibleTOML escapes what would act on a terminal in a TOML document, without changing its meaning. Strings in the
// document have no line breaks.
func visibleTOML(doc []byte) []byte {
	return tomlString().ReplaceAllFunc(doc, func(s []byte) []byte {
		text := string(s)
		if fault.Visible(text) == text {
			return s
		}
		if text[0] == '\'' { // a literal string cannot contain escapes
			text = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text[1:len(text)-1]) + `"`
		}
		var b bytes.Buffer
		for _, r := range text {
			if fault.Visible(string(r)) == string(r) {
				b.WriteRune(r)
			} else {
				fmt.Fprintf(&b, `\U%08x`, r)
			}
		}
		return b.Bytes()
	})
}

func detectCommand(h *Host) *ucli.Command {
	return &ucli.Command{
		Name:        "detect",
		Usage:       "print the providers that plan an app",
		ArgsUsage:   "[PATH]",
		Description: "Prints one line, which is empty if no provider matches the app; the exit code is 0 in both cases.",
		Flags:       planFlags(),
		Action: func(c *ucli.Context) error {
			path, err := appPath(c)
			if err != nil {
				return err
			}
			a, cat, opt, err := planInput(c, h, path)
			if err != nil {
				return err
			}
			defer a.Close()
			names, err := unify.Detect(a, cat, opt)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(h.Stdout, strings.Join(names, ", "))
			return err
		},
	}
}

func factsCommand(h *Host) *ucli.Command {
	return &ucli.Command{
		Name:      "facts",
		Usage:     "print the facts about an app that its provider uses, as JSON",
		ArgsUsage: "[PATH]",
		Description: "A provider is a function from these facts to a plan, so the cue command produces the same plan:\n\n" +
			"   nixpacks facts . > facts.json\n   cue export ./providers/NAME facts.json -e plan",
		Flags:  append(planFlags(), &ucli.StringFlag{Name: "provider", Category: aboutWords, Usage: "select the provider `NAME` if several plan the app"}),
		Action: func(c *ucli.Context) error { return factsAction(c, h) },
	}
}

func factsAction(c *ucli.Context, h *Host) error {
	p, err := makePlan(c, h)
	if err != nil {
		return err
	}
	name := c.String("provider")
	if name == "" && len(p.Providers) > 0 {
		name = p.Providers[0]
	}
	facts, ok := p.Facts[name]
	if !ok {
		return fault.New(fault.Usage, "provider %q does not plan this app", name).
			WithHint("providers of this app: %s", strings.Join(p.Providers, ", "))
	}
	return h.printJSON(facts)
}

package cli

import (
	"fmt"
	"slices"
	"strings"

	ucli "github.com/urfave/cli/v2"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/policy"
)

func vetCommand(h *Host) *ucli.Command {
	return &ucli.Command{
		Name:      "vet",
		Usage:     "check an app's plan against policies without building",
		ArgsUsage: "[PATH]",
		Description: "Policies are CUE files, from --policy and from the app's " + policy.Folder + " folder. The exit code is 0 if the plan meets\n" +
			"all of them, and 21 otherwise. With --format sarif, tools such as GitHub show violations in the app's files:\n\n" +
			"   nixpacks vet . --policy policies --format sarif > nixpacks.sarif",
		Flags: append(slices.Concat(planFlags(), policyFlags()), planFlag(),
			&ucli.StringFlag{Name: "format", Aliases: []string{"f"}, Value: "text", Category: aboutWords, Usage: "`text|json|sarif`: set the output format (default: text)"}),
		Action: func(c *ucli.Context) error { return vetAction(c, h) },
	}
}

func vetAction(c *ucli.Context, h *Host) error {
	print, ok := map[string]func(*Host, *held) error{"text": vetText, "json": vetJSON, "sarif": vetSARIF}[c.String("format")]
	if !ok {
		return fault.New(fault.Usage, "unknown format %q", c.String("format")).WithHint("known: text, json, sarif")
	}
	saved, dir, err := loadPlan(c, h)
	if err != nil {
		return err
	}
	res, err := policies(c, h, saved.Plan, origins(saved), dir)
	if err != nil {
		return err
	}
	if len(res.Policies) == 0 { // a check without policies must not pass
		return fault.New(fault.Usage, "there are no policies to check the plan against").
			WithHint("give --policy FILE|DIR, or put .cue files into the app's %s folder", policy.Folder)
	}
	printNotes(h, res.Notes)
	return print(h, res)
}

// vetText prints which policies hold, or returns all violations as errors.
func vetText(h *Host, res *held) error {
	if err := res.Err(); err != nil {
		return err
	}
	var names []string
	for _, p := range res.Policies {
		names = append(names, p.Files()...)
	}
	said := "policies hold"
	if len(names) == 1 {
		said = "policy holds"
	}
	_, err := fmt.Fprintf(h.Stdout, "%d %s: %s\n", len(names), said, strings.Join(names, ", "))
	return err
}

// verdict is the output of `nixpacks vet --format json`.
type verdict struct {
	Policies   []string       `json:"policies"`
	Violations []vetViolation `json:"violations"`
}

type vetViolation struct {
	Message string      `json:"message"`
	Path    string      `json:"path,omitempty"` // of the value, as messages show it
	Policy  fault.Pos   `json:"policy"`
	SetBy   []fault.Pos `json:"setBy"`
}

func vetJSON(h *Host, res *held) error {
	v := verdict{Violations: []vetViolation{}}
	for _, p := range res.Policies {
		v.Policies = append(v.Policies, p.Files()...)
	}
	for _, b := range res.Violations {
		v.Violations = append(v.Violations, vetViolation{b.Message, b.Path, b.At, append([]fault.Pos{}, b.Set...)})
	}
	if err := h.printJSON(v); err != nil {
		return err
	}
	return brokenCode(res)
}

// brokenCode returns the exit code for a refused plan, if violations have been printed.
func brokenCode(res *held) error {
	if len(res.Violations) > 0 {
		return exitCode(fault.Refused)
	}
	return nil
}

package cli

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	ucli "github.com/urfave/cli/v2"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/migrate"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

func migrateCommand(h *Host) *ucli.Command {
	return &ucli.Command{
		Name:      "migrate",
		Usage:     "convert a nixpacks.toml, railpack.json or app.json to a nixpacks.cue",
		ArgsUsage: "[PATH]",
		Description: "Converts nixpacks.toml, nixpacks.json, railpack.json, or Heroku's app.json and Procfile to a nixpacks.cue, and reports\n" +
			"what could not be converted, where it is, and what to use instead. A conversion of nixpacks.toml or nixpacks.json that\n" +
			"would change the plan is not written.",
		Flags: []ucli.Flag{
			&ucli.StringFlag{Name: "from", Category: aboutConfig, Usage: "`" + strings.Join(migrate.Sources, "|") + "`: select the file to convert if there are several"},
			envFlag(), providersFlag(),
			&ucli.BoolFlag{Name: "print", Category: aboutWords, Usage: "print the nixpacks.cue, and the report to stderr, without writing files"},
			&ucli.BoolFlag{Name: "force", Category: aboutWords, Usage: "overwrite an existing nixpacks.cue"},
			&ucli.BoolFlag{Name: "remove", Category: aboutWords, Usage: "remove the converted files"},
			formatFlag(), verboseFlag(), jsonErrorsFlag(),
		},
		Action: func(c *ucli.Context) error { return migrateAction(c, h) },
	}
}

// migrated is what `migrate --format json` prints.
type migrated struct {
	File    string        `json:"file"`
	Written bool          `json:"written"`
	From    []string      `json:"from"`
	Removed bool          `json:"removed"`
	Same    bool          `json:"samePlan"` // the new plan was compared with the old one and is the same
	Notes   []migrateNote `json:"notes"`
}

type migrateNote struct {
	Carried bool      `json:"carried"`
	Key     string    `json:"key,omitempty"`
	Message string    `json:"message"`
	Instead string    `json:"instead,omitempty"`
	At      fault.Pos `json:"at"`
}

func migrateAction(c *ucli.Context, h *Host) error {
	asJSON, err := wantsJSON(c)
	if err != nil {
		return err
	}
	path, err := appPath(c)
	if err != nil {
		return err
	}
	file, print := filepath.Join(path, migrate.File), c.Bool("print")
	if print && (c.Bool("force") || c.Bool("remove")) {
		return fault.New(fault.Usage, "--print cannot be combined with --force or --remove")
	}
	if _, err := os.Lstat(file); err == nil && !print && !c.Bool("force") {
		return existsFault(file).WithHint("--force overwrites it; --print prints the result without writing it")
	}
	res, err := migration(c, h, path)
	if res != nil && print {
		h.Stdout.Write(res.Text) // an error is easier to understand next to the text that it is about
	}
	if err != nil {
		return err
	}
	report := migrated{File: file, Written: !print, From: res.From, Removed: c.Bool("remove"), Same: res.Same, Notes: []migrateNote{}}
	for _, n := range res.Notes {
		report.Notes = append(report.Notes, migrateNote{n.Carried, n.Key, n.Text, n.Instead, n.At})
	}
	to := h.Stdout
	if print {
		to = h.Stderr
	} else if err := replaceConfig(file, res, c); err != nil {
		return err
	}
	if asJSON {
		return printJSON(to, report)
	}
	_, err = io.WriteString(to, fault.Visible(report.text()))
	return err
}

// migration makes the nixpacks.cue. If it returns a result with an error, the error is about that result.
func migration(c *ucli.Context, h *Host, path string) (*migrate.Result, error) {
	a, cat, opt, err := planInput(c, h, path)
	if err != nil {
		return nil, err
	}
	defer a.Close()
	res, err := migrate.Migrate(a, cat, opt, c.String("from"))
	switch {
	case err != nil && res != nil:
		f := *fault.All(err)[0]
		f.Hint = strings.TrimSpace(f.Hint + "\nnothing was written; nixpacks migrate --print prints the " + migrate.File + " with this error")
		return res, &f
	case err != nil:
		return nil, err
	case len(res.Changes) > 0:
		var changed []string
		for _, ch := range res.Changes {
			changed = append(changed, plan.Path(ch.Path...))
		}
		return res, fault.New(fault.Refused, "the %s would change the plan: %s", migrate.File, strings.Join(changed, ", ")).
			WithHint("nothing was written; nixpacks migrate --print prints it, and nixpacks diff compares plans")
	}
	return res, nil
}

// replaceConfig writes the nixpacks.cue, and with --remove then removes the files that it was made from.
func replaceConfig(file string, res *migrate.Result, c *ucli.Context) error {
	if err := writeConfig(file, res.Text, c.Bool("force")); err != nil {
		return err
	}
	for _, name := range res.From {
		if !c.Bool("remove") {
			continue
		}
		if err := os.Remove(filepath.Join(filepath.Dir(file), name)); err != nil {
			return fault.Wrap(fault.Usage, err, "%s is written, but %s cannot be removed", file, name)
		}
	}
	return nil
}

// text formats the report for people.
func (m migrated) text() string {
	var b strings.Builder
	from := strings.Join(m.From, " and ")
	said := from + " as a " + migrate.File
	if m.Written {
		said = "wrote " + m.File + ", from " + from
	}
	fmt.Fprintf(&b, "%s%s\n", said, unless(!m.Same, "; the plan is the same"))
	if m.Written && !m.Removed {
		fmt.Fprintf(&b, "next: remove %s, then check the plan: nixpacks plan %s\n", from, filepath.Dir(m.File))
	} else if m.Removed {
		fmt.Fprintf(&b, "removed %s\n", from)
	}
	for _, part := range []struct {
		head    string
		carried bool
	}{{"not converted:", false}, {"converted, review these:", true}} {
		head := "\n" + part.head + "\n"
		for _, n := range m.Notes {
			if n.Carried != part.carried {
				continue
			}
			fmt.Fprintf(&b, "%s  %s: %s\n", head, n.At, strings.TrimSpace(n.Key+" "+n.Message))
			head = ""
			if n.Instead != "" {
				fmt.Fprintf(&b, "    %s\n", n.Instead)
			}
		}
	}
	return b.String()
}

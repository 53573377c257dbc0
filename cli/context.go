package cli

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/docker/go-units"
	ucli "github.com/urfave/cli/v2"

	"github.com/nixpacks-cue/nixpacks/engine/catalog"
	"github.com/nixpacks-cue/nixpacks/engine/ignore"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
	"github.com/nixpacks-cue/nixpacks/engine/plan2llb"
	"github.com/nixpacks-cue/nixpacks/engine/unify"
)

func contextCommand(h *Host) *ucli.Command {
	return &ucli.Command{
		Name:   "context",
		Usage:  "inspect the build context of an app",
		Action: onlyCommands,
		Subcommands: []*ucli.Command{{
			Name:      "ls",
			Usage:     "list each file with its size, whether it is in the build context, and what excludes it",
			ArgsUsage: "[PATH]",
			Description: "A folder that is excluded entirely is one line. A file is excluded by a line of .dockerignore or .nixpacksignore, by the\n" +
				"plan, or by a built-in rule; a line with ! in either file, or --include, includes it again.",
			Flags: slices.Concat(planFlags(), []ucli.Flag{
				planFlag(),
				formatFlag(),
			}),
			Action: func(c *ucli.Context) error { return contextLs(c, h) },
		}},
	}
}

// dirIn returns the directory of the plan's app in its repository; "" if the app is not part of one.
func dirIn(p *plan.Plan) string {
	if p.App == nil {
		return ""
	}
	return p.App.Dir
}

// rulesFor returns the rules that select the build context of a plan for the app in dir. They cover the app, or the
// directory that it is part of.
func rulesFor(dir string, p *plan.Plan) (*ignore.Rules, error) {
	cat, err := catalog.Builtin()
	if err != nil {
		return nil, err
	}
	return ignore.Of(filepath.Join(dir, p.App.Above()), cat.Defaults(), p, plan2llb.Made)
}

// ignore sets which files stay out of the build context, and prints notes about exclusions that the user did not ask for.
func (b *theBuild) ignore(h *Host, dir string) error {
	rules, err := rulesFor(dir, b.request.Lower.Plan)
	if err != nil {
		return err
	}
	b.request.Lower.Ignore = rules.Patterns()
	for _, n := range rules.Notes() {
		printNotes(h, []unify.Note{{Text: n.Text, Hint: n.Hint}})
	}
	return nil
}

// listing is what `context ls` prints.
type listing struct {
	Files []ignore.File `json:"files"`
	In    ignore.Sum    `json:"in"`
	Out   ignore.Sum    `json:"out"`
}

func contextLs(c *ucli.Context, h *Host) error {
	asJSON, err := wantsJSON(c)
	if err != nil {
		return err
	}
	saved, dir, err := loadPlan(c, h)
	if err != nil {
		return err
	}
	rules, err := rulesFor(dir, saved.Plan)
	if err != nil {
		return err
	}
	var l listing
	if l.Files, err = rules.List(filepath.Join(dir, saved.Plan.App.Up())); err != nil {
		return err
	}
	for _, f := range l.Files {
		if f.In {
			l.In.Add(f.Sum)
		} else {
			l.Out.Add(f.Sum)
		}
	}
	if asJSON {
		return h.printJSON(l)
	}
	return l.print(h)
}

func (l listing) print(h *Host) error {
	w := newTable(h)
	files := func(n int) string {
		if n == 1 {
			return "1 file"
		}
		return fmt.Sprintf("%d files", n)
	}
	w.row("BUILD", "SIZE", "FILE", "WHY")
	for _, f := range l.Files {
		word, name := "in", f.Path
		if !f.In {
			word = "out"
		}
		if strings.HasSuffix(f.Path, "/") {
			name += " (" + files(f.Count) + ")"
		}
		w.row(word, units.HumanSize(float64(f.Size)), name, f.Because())
	}
	w.row("in", units.HumanSize(float64(l.In.Size)), "total: "+files(l.In.Count))
	w.row("out", units.HumanSize(float64(l.Out.Size)), "total: "+files(l.Out.Count))
	_, err := h.Stdout.Write(w.text())
	return err
}

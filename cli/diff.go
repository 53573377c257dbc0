package cli

import (
	"bytes"
	"fmt"
	"strings"

	ucli "github.com/urfave/cli/v2"

	"github.com/nixpacks-cue/nixpacks/engine/catalog"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

func diffCommand(h *Host) *ucli.Command {
	return &ucli.Command{
		Name:      "diff",
		Usage:     "compare two plans",
		ArgsUsage: "A [B]",
		Description: "A and B are each an app's directory, which is planned, a plan saved as JSON, or git:REVISION, the app in this directory at\n" +
			"that revision. B defaults to this directory.\n\n" +
			"   nixpacks diff git:main\n   nixpacks diff plan.json .",
		Flags: append(planFlags(), formatFlag(),
			&ucli.BoolFlag{Name: "exit-code", Category: aboutWords, Usage: "exit with code 1 if the plans differ"}),
		Action: func(c *ucli.Context) error { return diffAction(c, h) },
	}
}

// side is one of the two plans that are compared.
type side struct {
	plan     *plan.Plan
	origins  *plan.Origins
	versions []catalog.Version // nil for a saved plan
}

// planDiff is what `diff` prints as JSON.
type planDiff struct {
	Same     bool            `json:"same"`
	Versions []versionChange `json:"versions,omitempty"`
	Changes  []valueChange   `json:"changes,omitempty"`
}

type versionChange struct {
	Of   string `json:"of"`
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
	by   string
}

type valueChange struct {
	Path      string `json:"path"`
	From      any    `json:"from,omitempty"`
	To        any    `json:"to,omitempty"`
	FromSetBy string `json:"fromSetBy,omitempty"`
	ToSetBy   string `json:"toSetBy,omitempty"`
	change    plan.Change
}

func diffAction(c *ucli.Context, h *Host) error {
	asJSON, err := wantsJSON(c)
	if err != nil {
		return err
	}
	if c.NArg() == 0 || c.NArg() > 2 {
		return fault.New(fault.Usage, "diff needs one or two arguments, got %d", c.NArg()).WithHint("see: nixpacks diff --help")
	}
	other := "."
	if c.NArg() == 2 {
		other = c.Args().Get(1)
	}
	var sides [2]*side
	for i, what := range []string{c.Args().First(), other} {
		if sides[i], err = readSide(c, h, what); err != nil {
			return err
		}
	}
	d := compare(sides[0], sides[1])
	if asJSON {
		err = h.printJSON(d)
	} else {
		_, err = h.Stdout.Write(d.text(h))
	}
	if err == nil && !d.Same && c.Bool("exit-code") {
		return exitCode(1)
	}
	return err
}

// readSide plans an app, or reads a saved plan.
func readSide(c *ucli.Context, h *Host, what string) (*side, error) {
	if rev, ok := strings.CutPrefix(what, "git:"); ok {
		dir, done, err := checkout(c.Context, rev)
		if err != nil {
			return nil, err
		}
		defer done()
		return planSide(c, h, dir)
	}
	if !isFile(what) {
		return planSide(c, h, what)
	}
	data, err := planFile(what)
	if err != nil {
		return nil, fault.Wrap(fault.Usage, err, "%s cannot be read", what)
	}
	s, err := plan.ReadSaved(data, what)
	if err != nil {
		return nil, err
	}
	return &side{plan: s.Plan, origins: s.Origins}, nil
}

func planSide(c *ucli.Context, h *Host, path string) (*side, error) {
	p, err := planOf(c, h, path)
	if err != nil {
		return nil, err
	}
	return &side{p.Plan, p.Origins(), p.Versions}, nil
}

func compare(a, b *side) planDiff {
	var d planDiff
	if a.versions != nil && b.versions != nil {
		d.Versions = versionChanges(a.versions, b.versions)
	}
	for _, c := range plan.Diff(a.plan, b.plan) {
		one := valueChange{Path: plan.Path(c.Path...), From: c.From, To: c.To, change: c}
		if c.From != nil {
			one.FromSetBy = setBy(a.origins.At(c.Path...))
		}
		if c.To != nil {
			one.ToSetBy = setBy(b.origins.At(c.Path...))
		}
		d.Changes = append(d.Changes, one)
	}
	d.Same = len(d.Changes) == 0 && len(d.Versions) == 0
	return d
}

// versionChanges returns the changes in the order of b, followed by the versions that only a has.
func versionChanges(a, b []catalog.Version) []versionChange {
	before, after := map[string]catalog.Version{}, map[string]catalog.Version{}
	for _, v := range a {
		before[v.Of] = v
	}
	for _, v := range b {
		after[v.Of] = v
	}
	var out []versionChange
	for _, v := range b {
		if from := before[v.Of].Version; from != v.Version {
			out = append(out, versionChange{v.Of, from, v.Version, v.Source()})
		}
	}
	for _, v := range a {
		if _, ok := after[v.Of]; !ok {
			out = append(out, versionChange{Of: v.Of, From: v.Version})
		}
	}
	return out
}

// text formats the differences for people. For a list it shows the elements that were removed and those that were added.
func (d planDiff) text(h *Host) []byte {
	if d.Same {
		return []byte("no difference\n")
	}
	w := newTable(h)
	if len(d.Versions) > 0 {
		w.section("versions")
		for _, v := range d.Versions {
			w.row("  "+v.Of, orNone(v.From)+" -> "+orNone(v.To), v.by)
		}
	}
	b := bytes.NewBuffer(w.text())
	for _, c := range d.Changes {
		fmt.Fprintf(b, "\n%s  (%s)\n", c.Path, oneLine(c.setBy()))
		from, to := c.change.Elements()
		for _, e := range from {
			fmt.Fprintf(b, "- %s\n", oneLine(e))
		}
		for _, e := range to {
			fmt.Fprintf(b, "+ %s\n", oneLine(e))
		}
	}
	return bytes.TrimLeft(b.Bytes(), "\n")
}

// setBy says who set the value before and after the change.
func (d valueChange) setBy() string {
	switch {
	case d.FromSetBy == d.ToSetBy || d.FromSetBy == "":
		return d.ToSetBy
	case d.ToSetBy == "":
		return d.FromSetBy
	}
	return d.FromSetBy + " -> " + d.ToSetBy
}

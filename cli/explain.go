package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	ucli "github.com/urfave/cli/v2"

	"github.com/nixpacks-cue/nixpacks/engine/catalog"
	"github.com/nixpacks-cue/nixpacks/engine/detect"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

func explainCommand(h *Host) *ucli.Command {
	return &ucli.Command{
		Name:      "explain",
		Usage:     "print why an app's plan is what it is",
		ArgsUsage: "[PATH] [VALUE]",
		Description: "Prints what the providers look for, the versions that they chose and who asked for these, and for each value of\n" +
			"the plan who set it: a provider, a file of the app, a variable or a flag. Of one VALUE, such as phases.install.cmds, or of all\n" +
			"below phases.install, it prints everybody who has a say, in the order in which they go over one another.",
		Flags:        append(planFlags(), formatFlag()),
		OnUsageError: usageError,
		Action:       func(c *ucli.Context) error { return explainAction(c, h) },
	}
}

func explainAction(c *ucli.Context, h *Host) error {
	asJSON, err := wantsJSON(c)
	if err != nil {
		return err
	}
	path, value, err := explained(c)
	if err != nil {
		return err
	}
	p, err := planOf(c, h, path)
	if err != nil {
		return err
	}
	e, err := explanationOf(p, value)
	if err != nil {
		return err
	}
	if asJSON {
		return h.printJSON(e)
	}
	out := e.text()
	if value != "" {
		out = e.layers()
	}
	_, err = h.Stdout.Write(out)
	return err
}

// explained reads the words of the command: an app, a value, both or neither. One word is an app where it is a path.
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

// explanation is what `explain` prints as JSON.
type explanation struct {
	Providers []candidate     `json:"providers"`
	Versions  []versionSource `json:"versions,omitempty"`
	Values    []valueSource   `json:"values"`
}

// candidate is a provider, and whether it plans the app.
type candidate struct {
	Name     string `json:"name"`
	Plans    bool   `json:"plans"`
	LooksFor string `json:"looksFor"`
}

type versionSource struct {
	Of      string      `json:"of"`
	Version string      `json:"version"`
	Because string      `json:"because"`
	At      []fault.Pos `json:"at,omitempty"`
}

func versionSources(versions []catalog.Version) (out []versionSource) {
	for _, v := range versions {
		out = append(out, versionSource{v.Of, v.Version, v.Source(), v.At})
	}
	return out
}

// valueSource is a value of the plan, with everybody who has a say on it, the last of whom decides.
type valueSource struct {
	Path  string `json:"path"`
	Value any    `json:"value"`
	Said  []said `json:"said"` // none: it is a default
	setBy string
}

type said struct {
	Value any       `json:"value"`
	At    fault.Pos `json:"at"`
}

// explanationOf explains a plan, or of it what is at or below value.
func explanationOf(p *planned, value string) (*explanation, error) {
	e := &explanation{Values: []valueSource{}}
	for _, name := range p.catalog.Names() {
		provider, _ := p.catalog.Get(name)
		if plans := slices.Contains(p.Providers, name); plans || !provider.Detect().Never() {
			e.Providers = append(e.Providers, candidate{name, plans, detect.Lookup(provider.Detect())})
		}
	}
	e.Versions = versionSources(p.Versions)
	var paths []string
	for _, l := range p.Plan.Leaves() {
		if l.Path[0] == "providers" { // a finished plan has none left to run
			continue
		}
		path := plan.Path(l.Path...)
		paths = append(paths, path)
		if value != "" && path != value && !strings.HasPrefix(path, value+".") {
			continue
		}
		v := valueSource{Path: path, Value: l.Value, Said: []said{}, setBy: setBy(p.Origin(l.Path...))}
		for _, s := range p.Said(l.Path...) {
			v.Said = append(v.Said, said(s))
		}
		e.Values = append(e.Values, v)
	}
	if value != "" && len(e.Values) == 0 {
		return nil, fault.New(fault.Usage, "the plan has no value %s", value).WithHint("%s", fault.DidYouMean(value, paths))
	}
	return e, nil
}

// text is a table of all values.
func (e *explanation) text() []byte {
	var b bytes.Buffer
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	section(w, "providers")
	any := false
	for _, c := range e.Providers {
		if c.Plans {
			row(w, "  "+c.Name, "looks for "+c.LooksFor)
			any = true
		}
	}
	if !any {
		row(w, "  none")
	}
	versionRows(w, e.Versions)
	section(w, "values")
	for _, v := range e.Values {
		row(w, "  "+v.Path, brief(v.Value), v.setBy)
	}
	w.Flush()
	return trimLines(bytes.TrimLeft(b.Bytes(), "\n"))
}

// layers are values with everybody who has a say on them.
func (e *explanation) layers() []byte {
	var b bytes.Buffer
	for i, v := range e.Values {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "%s = %s\n", v.Path, compact(v.Value))
		for _, s := range v.Said {
			fmt.Fprintf(&b, "  %s says %s\n", setBy(s.At, s.At.File != ""), compact(s.Value))
		}
		if len(v.Said) == 0 {
			b.WriteString("  nobody says so: it is the default\n")
		}
	}
	return b.Bytes()
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
	text := []rune(compact(v))
	if len(text) > widest {
		return string(text[:widest-1]) + "…"
	}
	return string(text)
}

// compact is a value on one line.
func compact(v any) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err.Error()
	}
	return strings.TrimSpace(b.String())
}

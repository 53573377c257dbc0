package cli

import (
	"cmp"
	"strings"

	ucli "github.com/urfave/cli/v2"

	"github.com/nixpacks-cue/nixpacks/engine/app"
	"github.com/nixpacks-cue/nixpacks/engine/catalog"
	"github.com/nixpacks-cue/nixpacks/engine/detect"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

func providersCommand(h *Host) *ucli.Command {
	return &ucli.Command{
		Name:   "providers",
		Usage:  "list, develop and manage providers",
		Action: onlyCommands,
		Subcommands: []*ucli.Command{
			providersLs(h), providersShow(h), providersNew(h), providersTest(h), providersVet(h),
			providersPublish(h), providersAdd(h), providersRm(h),
		},
	}
}

// providersFlag belongs to every command that plans.
func providersFlag() ucli.Flag {
	return &ucli.StringSliceFlag{Name: "providers", Category: aboutConfig, Usage: "load additional providers from `DIR`, one CUE module per directory (repeatable)"}
}

// jsonErrorsFlag belongs to every command.
func jsonErrorsFlag() ucli.Flag {
	return &ucli.BoolFlag{Name: "json-errors", Category: aboutWords, Usage: "print errors as JSON"}
}

func providersLs(h *Host) *ucli.Command {
	return &ucli.Command{
		Name:        "ls",
		Usage:       "list providers in the order they are tried, with their origin and detection rules",
		ArgsUsage:   "[PATH]",
		Description: "The first provider with a matching detection rule plans the app. The list includes the providers that the app at PATH contains.",
		Flags:       []ucli.Flag{providersFlag(), offlineFlag(), formatFlag(), jsonErrorsFlag()},
		Action:      func(c *ucli.Context) error { return providersLsAction(c, h) },
	}
}

// listed is a line of `providers ls`.
type listed struct {
	Name string `json:"name"`
	// From is where the provider comes from: "built in", or a folder.
	From string `json:"from"`
	// LooksFor is Detect in words; "" if the provider never plans an app by itself.
	LooksFor string         `json:"looksFor"`
	Detect   map[string]any `json:"detect"`
	// ReplacedBy is the provider that is tried instead.
	ReplacedBy string `json:"replacedBy,omitempty"`
}

func listedOf(cat *catalog.Catalog, p *catalog.Provider) listed {
	l := listed{Name: p.Name, From: p.From(), Detect: p.Rule(), ReplacedBy: cat.Replaced(p.Name)}
	if !p.Detect().Never() {
		l.LooksFor = detect.Lookup(p.Detect())
	}
	return l
}

// looks returns LooksFor for people.
func (l listed) looks() string {
	if l.ReplacedBy != "" {
		return "nothing: " + l.ReplacedBy + " is tried in its place"
	}
	if l.LooksFor == "" {
		return "nothing: it is there for others to build on"
	}
	return l.LooksFor
}

func providersLsAction(c *ucli.Context, h *Host) error {
	asJSON, err := wantsJSON(c)
	if err != nil {
		return err
	}
	path, err := appPath(c)
	if err != nil {
		return err
	}
	cat, err := catalogAt(c, h, path)
	if err != nil {
		return err
	}
	lines := []listed{}
	for _, name := range cat.Names() {
		p, _ := cat.Get(name)
		lines = append(lines, listedOf(cat, p))
	}
	if asJSON {
		return h.printJSON(lines)
	}
	w := newTable(h)
	w.row("NAME", "FROM", "LOOKS FOR")
	for _, l := range lines {
		w.row(l.Name, l.From, l.looks())
	}
	_, err = h.Stdout.Write(w.text())
	return err
}

// catalogAt returns the providers that are available to the app at path.
func catalogAt(c *ucli.Context, h *Host, path string) (*catalog.Catalog, error) {
	a, err := app.Open(path)
	if err != nil {
		return nil, err
	}
	defer a.Close()
	return catalogOf(c, h, a)
}

func providersShow(h *Host) *ucli.Command {
	return &ucli.Command{
		Name:      "show",
		Usage:     "show a provider's detection rule, facts, variables and versions",
		ArgsUsage: "NAME [PATH]",
		Description: "Everything is read from the provider's files, without an app. nixpacks facts prints the facts of an app.\n" +
			"Tables are the provider's literal lists and maps, such as the available versions.",
		Flags:  []ucli.Flag{providersFlag(), offlineFlag(), formatFlag(), jsonErrorsFlag()},
		Action: func(c *ucli.Context) error { return providersShowAction(c, h) },
	}
}

func providersShowAction(c *ucli.Context, h *Host) error {
	asJSON, err := wantsJSON(c)
	if err != nil {
		return err
	}
	if c.NArg() < 1 || c.NArg() > 2 {
		return fault.New(fault.Usage, "show needs the NAME of a provider, and optionally the PATH of an app").WithHint("nixpacks providers ls lists them")
	}
	cat, err := catalogAt(c, h, cmp.Or(c.Args().Get(1), "."))
	if err != nil {
		return err
	}
	p, ok := cat.Get(c.Args().First())
	if !ok {
		return fault.New(fault.Usage, "there is no provider called %q", c.Args().First()).
			WithHint("%s", fault.DidYouMean(c.Args().First(), cat.Names()))
	}
	d, err := p.Describe()
	if err != nil {
		return err
	}
	if asJSON {
		return h.printJSON(struct {
			listed
			*catalog.Description
		}{listedOf(cat, p), d})
	}
	return printProvider(h, listedOf(cat, p), p, d)
}

func printProvider(h *Host, l listed, p *catalog.Provider, d *catalog.Description) error {
	w := newTable(h)
	headOf(w, l, p)
	w.row("versions of", orNone(strings.Join(d.Versions, ", ")))
	w.row("variables", orNone(strings.Join(d.Settings, ", ")))
	words := func(title string, names []string) {
		if len(names) > 0 {
			w.section(title)
		}
		for _, name := range names {
			w.row("  " + name)
		}
	}
	words("files", d.Files)
	words("tests", d.Cases)
	if len(d.Facts) > 0 {
		w.section("facts")
	}
	for _, f := range d.Facts {
		asked(w, f.Name, f.Asks, f.Why, f.At)
	}
	tablesOf(w, "tables", d.Tables)
	tablesOf(w, "commands", d.Commands)
	_, err := h.Stdout.Write(w.text())
	return err
}

// headOf adds what a provider is.
func headOf(w *table, l listed, p *catalog.Provider) {
	w.row("provider", l.Name)
	w.row("from", l.From)
	w.row("looks for", l.looks())
	if words := p.Stands(); words != "" {
		w.row("tried", words)
	}
}

// tablesOf adds parts of a provider, as written in its files.
func tablesOf(w *table, title string, tables []catalog.Table) {
	if len(tables) > 0 {
		w.section(title)
	}
	for _, t := range tables {
		asked(w, t.Name, t.Text, t.Why, t.At)
	}
}

// asked adds a fact or a table: its name and position, the comment above it, and its text.
func asked(w *table, name, text, why string, at fault.Pos) {
	w.row("  "+name, at.String())
	if why != "" {
		w.row("      " + why)
	}
	for line := range strings.Lines(text) {
		w.row("      " + strings.ReplaceAll(strings.TrimRight(line, "\n"), "\t", "    "))
	}
}

package cli

import (
	"cmp"
	"fmt"
	"runtime"
	"slices"
	"strings"

	ucli "github.com/urfave/cli/v2"

	"github.com/nixpacks-cue/nixpacks/engine/app"
	"github.com/nixpacks-cue/nixpacks/engine/catalog"
	"github.com/nixpacks-cue/nixpacks/engine/detect"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/unify"
)

// planned is an app with its plan, from which every command that plans starts.
type planned struct {
	*unify.Result
	dir     string           // the app's directory, absolute
	catalog *catalog.Catalog // the providers that were available
}

// makePlan plans the app that the command line names, and prints notes to stderr.
func makePlan(c *ucli.Context, h *Host) (*planned, error) {
	path, err := appPath(c)
	if err != nil {
		return nil, err
	}
	return planOf(c, h, path)
}

// planOf plans the app at path, and prints notes to stderr.
func planOf(c *ucli.Context, h *Host, path string) (*planned, error) {
	var out *planned
	err := planFor(c, h, path, func(p *planned) error {
		out = p
		return nil
	})
	return out, err
}

// planFor plans the app at path, and calls do with the plan while the app is open.
func planFor(c *ucli.Context, h *Host, path string, do func(*planned) error) error {
	a, cat, opt, err := planInput(c, h, path)
	if err != nil {
		return err
	}
	defer a.Close()
	res, err := unify.Plan(a, cat, opt)
	if err != nil {
		return err
	}
	defer res.App.Close() // it may be a directory's below a
	if len(res.Plan.Phases) == 0 && (res.Plan.Start == nil || res.Plan.Start.Cmd == "") {
		return nothingDetected(c, path, a, cat, opt)
	}
	if err := pinTo(c, h, a, res.Plan); err != nil {
		return err
	}
	printNotes(h, res.Notes)
	printUnpassed(h, opt.Env)
	return do(&planned{Result: res, dir: res.App.Dir(), catalog: cat})
}

// nothingDetected returns the fault for an app that no provider detects and that has no configuration.
func nothingDetected(c *ucli.Context, path string, a *app.App, cat *catalog.Catalog, opt unify.Options) error {
	f := fault.New(fault.NotDetected, "no provider knows what to do with %s", path)
	if apps := candidates(a, cat, opt); len(apps) > 0 {
		return f.WithHint("it contains apps in subdirectories; select one:%s\n"+
			"or plan it as a whole, with this line in nixpacks.toml: providers = [%q]", commands(c, path, a, apps), apps[0].provider)
	}
	var looked []string
	for _, p := range cat.Tried() {
		looked = append(looked, fmt.Sprintf("  %s: %s", p.Name, detect.Lookup(p.Detect())))
	}
	f.Detail = "looked for:\n" + strings.Join(looked, "\n")
	return f.WithHint("for an app of another kind, set its commands in nixpacks.toml:\n" +
		"  [phases.build]\n  cmds = [\"make\"]\n  [start]\n  cmd = \"./app\"")
}

// noStart returns the fault for an app without a start command. It may be a repository of several apps.
func noStart(c *ucli.Context, h *Host) error {
	f := fault.New(fault.NotDetected, "there is no start command for this app")
	hint := "add a Procfile with a line \"web: COMMAND\", or [start] cmd = \"COMMAND\" to nixpacks.toml,\nor pass --start-cmd COMMAND; --no-error-without-start builds without one"
	path, err := appPath(c)
	if err != nil || c.IsSet("plan") {
		return f.WithHint("%s", hint)
	}
	a, cat, opt, err := planInput(c, h, path)
	if err != nil {
		return f.WithHint("%s", hint)
	}
	defer a.Close()
	if apps := candidates(a, cat, opt); len(apps) > 0 {
		hint = "it contains apps in subdirectories; select one:" + commands(c, path, a, apps) + "\nor " + hint
	}
	return f.WithHint("%s", hint)
}

// planInput opens the app at path, and collects what the command line says about it.
func planInput(c *ucli.Context, h *Host, path string) (*app.App, *catalog.Catalog, unify.Options, error) {
	opt, err := planOptions(c, h)
	if err != nil {
		return nil, nil, opt, err
	}
	a, err := app.OpenWithin(path, c.String("app"))
	if err != nil {
		return nil, nil, opt, err
	}
	cat, err := catalogOf(c, h, a)
	if err != nil {
		a.Close()
	}
	return a, cat, opt, err
}

func planOptions(c *ucli.Context, h *Host) (unify.Options, error) {
	env, err := environment(c, h)
	if err != nil {
		return unify.Options{}, err
	}
	var jsonPlan []byte
	if c.IsSet("json-plan") {
		jsonPlan = []byte(c.String("json-plan"))
	}
	on, err := platform(c.String("platform")) // only some commands have the flag
	if err != nil {
		return unify.Options{}, err
	}
	return unify.Options{
		Env:      env,
		Arch:     cmp.Or(on.Architecture, runtime.GOARCH),
		Config:   c.String("config"),
		JSONPlan: jsonPlan,
		Flags: unify.Flags{
			Pkgs: c.StringSlice("pkgs"), AptPkgs: c.StringSlice("apt"), Libs: c.StringSlice("libs"),
			InstallCmd: optional(c, "install-cmd"), BuildCmd: optional(c, "build-cmd"), StartCmd: optional(c, "start-cmd"), Process: c.String("process"),
			BuildImage: c.String("build-image"), Packages: c.String("packages"), NoSlim: c.Bool("no-slim"), Include: c.StringSlice("include"),
		},
	}, nil
}

// catalogOf returns the built-in providers, extended or replaced by those of the app's lock, of the app itself, and of
// --providers.
func catalogOf(c *ucli.Context, h *Host, a *app.App) (*catalog.Catalog, error) {
	cat, err := catalog.Builtin()
	if err != nil {
		return nil, err
	}
	extra, err := lockedProviders(c, h, a)
	if err != nil {
		return nil, err
	}
	brought, err := catalog.OfApp(a)
	if err != nil {
		return nil, err
	}
	extra = append(extra, brought...)
	for _, name := range c.StringSlice("providers") {
		given, err := loadProviders(name)
		if err != nil {
			return nil, err
		}
		extra = append(extra, given)
	}
	if len(extra) == 0 {
		return cat, nil
	}
	return cat.Beside(extra...)
}

// loadProviders reads the providers in a folder. Symlinks cannot lead out of it, because others may have written the
// folder.
func loadProviders(name string) (*catalog.Catalog, error) {
	root, err := openFolder(name)
	if err != nil {
		return nil, fault.Wrap(fault.Usage, err, "--providers %s cannot be read", name)
	}
	return catalog.Load(root.FS(), name)
}

func printNotes(h *Host, notes []unify.Note) {
	if h.course != nil {
		h.course.notes = append(h.course.notes, notes...)
	}
	for _, n := range notes {
		fmt.Fprintf(h.Stderr, "note: %s\n", fault.Visible(n.Text))
		for _, at := range n.At {
			fmt.Fprintf(h.Stderr, "  %s\n", fault.Visible(at.String()))
		}
		for line := range strings.Lines(n.Hint) {
			fmt.Fprintf(h.Stderr, "  %s\n", fault.Visible(strings.TrimSuffix(line, "\n")))
		}
	}
}

// ownVariables are read by this project's tests or by the program itself, never by a plan.
var ownVariables = []string{"NIXPACKS_E2E", "NIXPACKS_HOSTILE", "NIXPACKS_CONFORMANCE", frontendVariable}

// printUnpassed points out NIXPACKS_* variables in the caller's environment that were not passed with --env. Like Nixpacks,
// this program does not read them from there.
func printUnpassed(h *Host, env map[string]string) {
	var names []string
	for k := range environMap(h.Environ) {
		_, passed := env[k]
		if strings.HasPrefix(k, "NIXPACKS_") && !passed && !slices.Contains(ownVariables, k) {
			names = append(names, k)
		}
	}
	slices.Sort(names)
	for _, k := range names {
		printNotes(h, []unify.Note{{Text: k + " is set in your environment but was not passed, so it has no effect", Hint: "pass it with: --env " + k}})
	}
}

// Package unify makes one plan of everything that has a say in it: the providers, Procfile, the user's
// nixpacks.cue (or .toml or .json), NIXPACKS_* variables, a plan given as JSON, and flags.
package unify

import (
	"path"
	"path/filepath"
	"slices"

	"github.com/nixpacks-cue/nixpacks/engine/app"
	"github.com/nixpacks-cue/nixpacks/engine/budget"
	"github.com/nixpacks-cue/nixpacks/engine/catalog"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// Options are what the user says outside the app's directory.
type Options struct {
	// Env are the variables given by --env. The process environment has no say.
	Env map[string]string
	// Arch is the architecture of the machine that the image is for, as images name it; "" is amd64.
	Arch string
	// Config is the configuration file (--config), absolute or in the app; "" looks for one in the app.
	Config string
	// ConfigText is the text of that file where the caller has read it; Config is then the name that messages give it.
	ConfigText []byte
	// JSONPlan is the text of --json-plan; nil for none.
	JSONPlan []byte
	Flags    Flags
}

// Flags are the flags that change the plan.
type Flags struct {
	Pkgs, AptPkgs, Libs            []string
	Include                        []string // files that go to the build whatever else is said (plan.Plan.Include)
	InstallCmd, BuildCmd, StartCmd *string
	Process                        string // start this one of the processes (plan.Start.Processes)
	BuildImage                     string
	Packages                       string // "nix" or "apt"; "" for neither
	NoSlim                         bool   // run in the image that builds, whatever the providers know
}

// Result is a finished plan and how it came about.
type Result struct {
	Plan *plan.Plan
	// Providers that were evaluated, in order.
	Providers []string
	// App is the app that the plan is for: the one given, or a directory in it (then to be closed as well).
	App *app.App
	// Notes are for the user to read.
	Notes []Note
	// Variables that providers and their detection see.
	Variables map[string]string
	// Versions that the providers decided on, and who asked for them.
	Versions []catalog.Version
	// Facts of each provider, by its name.
	Facts map[string]catalog.Facts
	// Origin is where a value of the plan was set, by the uppermost layer that says it; false for what nobody said,
	// a default.
	Origin func(path ...string) (fault.Pos, bool)
	// Said is what all that have a say on a value say of it, the lowest first: who comes later goes over those before. It
	// reads the app, which must be open.
	Said func(path ...string) ([]Said, error)
	// Origins are the same as Origin for all values, down to the elements of lists, with the texts of the files.
	Origins func() *plan.Origins
}

// Note is something that the user should know and that fails nothing.
type Note = catalog.Note

// Plan plans the app. Where nothing in its directory gives a phase and it holds a single directory, that
// one is planned instead, as Nixpacks does. A plan without phases is not a fault here. Faults are
// Refused, with the place in the file that is to be changed.
// An app whose plan takes more than package budget allows is refused; it must then not be used for anything else.
func Plan(a *app.App, cat *catalog.Catalog, o Options) (*Result, error) {
	b := budget.New()
	var res *Result
	err := b.Run(budget.Work{Costly: a.Costly}, func() (err error) {
		res, err = planIn(&unifier{app: a, catalog: cat, options: o, budget: b, dir: dirOf(a)})
		return inRepository(a, res, err)
	})
	if err != nil {
		return nil, err // res may be written yet
	}
	return res, nil
}

func planIn(u *unifier) (*Result, error) {
	a, asked := u.app, u.asked
	u.facts = map[string]catalog.Facts{}
	u.aboutStart = map[string]string{}
	res, err := u.plan()
	if err != nil || len(res.Plan.Phases) > 0 {
		return res, err
	}
	dirs, err := a.TopDirs()
	dirs = slices.DeleteFunc(dirs, func(d string) bool { // neither providers nor policies are an app
		return d == catalog.AppFolder && catalog.Brings(a) || d == PolicyFolder && hasPolicies(a)
	})
	if err != nil || len(dirs) != 1 {
		return res, err
	}
	sub, err := below(a, dirs[0])
	if err != nil {
		return nil, err
	}
	if u.file != nil && u.file.explicit {
		asked = u.file
	}
	found, err := planIn(&unifier{app: sub, catalog: u.catalog, options: u.options, budget: u.budget, dir: path.Join(u.dir, dirs[0]), asked: asked})
	if err != nil {
		err = inDir(err, sub, dirs[0])
		sub.Close()
		return nil, err
	}
	found.inDir(sub, dirs[0])
	if len(found.Plan.Phases) == 0 {
		sub.Close()
		return u.nothingBelow(res, found), nil
	}
	if u.file != nil && !u.file.explicit {
		where, _ := filepath.Rel(a.Dir(), found.App.Dir())
		found.Notes = append(found.Notes, Note{
			Text: "the app was found in " + where + ", so " + u.file.name + " above it is not used",
			Hint: "move it there, or plan that directory itself",
			At:   []fault.Pos{{File: u.file.name}},
		})
	}
	return found, nil
}

// PolicyFolder is the folder of an app whose policies count.
const PolicyFolder = "policy"

func hasPolicies(a *app.App) bool {
	found, err := a.Glob([]string{PolicyFolder + "/*.cue"}, app.GlobOptions{Depth: 2, Limit: 1})
	return err == nil && len(found) > 0
}

// nothingBelow is the outcome where the single directory gives no phases either: as in Nixpacks its plan
// counts, unless the configuration above it said how to start.
func (u *unifier) nothingBelow(above, below *Result) *Result {
	if u.configuredStart {
		return above
	}
	below.App, below.Notes = above.App, above.Notes
	return below
}

// inDir makes places in files of sub places in files of the app above it.
func inDir(err error, sub *app.App, dir string) error {
	for _, f := range fault.All(err) {
		prefix(f.At, sub, dir)
	}
	return err
}

func prefix(at []fault.Pos, sub *app.App, dir string) {
	for i, p := range at {
		if _, ok := sub.Stat(p.File); ok {
			at[i].File = path.Join(dir, p.File)
		}
	}
}

// Detect names the providers that Plan would evaluate: those that the configuration names, with "..."
// standing for the one that is detected. No provider is evaluated.
func Detect(a *app.App, cat *catalog.Catalog, o Options) ([]string, error) {
	u := &unifier{app: a, catalog: cat, options: o, budget: budget.New(), dir: dirOf(a)}
	var names []string
	err := u.budget.Run(budget.Work{Costly: a.Costly}, func() (err error) {
		if err = u.read(); err == nil {
			names, err = u.detect()
		}
		return inRepository(a, nil, err)
	})
	if err != nil {
		return nil, err
	}
	return names, nil
}

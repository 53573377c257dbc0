// Package unify merges all inputs of a plan: the providers, Procfile, the user's
// nixpacks.cue (or .toml or .json), NIXPACKS_* variables, --json-plan, and flags.
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

// Options are the user's inputs outside the app's directory.
type Options struct {
	// Env are the variables set by --env. The process environment is not used.
	Env map[string]string
	// Arch is the architecture of the image's platform, as OCI names it. "" is amd64.
	Arch string
	// Config is the configuration file (--config), absolute or relative to the app. "" searches the app for one.
	Config string
	// ConfigText is the content of the configuration file if the caller has read it. Config is then its name in messages.
	ConfigText []byte
	// JSONPlan is the text of --json-plan, or nil.
	JSONPlan []byte
	Flags    Flags
}

// Flags are the flags that change the plan.
type Flags struct {
	Pkgs, AptPkgs, Libs            []string
	Include                        []string // files that are always included in the build (plan.Plan.Include)
	InstallCmd, BuildCmd, StartCmd *string
	Process                        string // the process to start (plan.Start.Processes)
	BuildImage                     string
	Packages                       string // "nix" or "apt"; "" if not set
	NoSlim                         bool   // keep the build image as the run image
}

// Result is a finished plan with its derivation.
type Result struct {
	Plan *plan.Plan
	// Providers are the evaluated providers, in order.
	Providers []string
	// App is the app that was planned: the given one, or a subdirectory, which the caller must then close too.
	App *app.App
	// Notes are messages for the user.
	Notes []Note
	// Variables are the variables that detection and providers see.
	Variables map[string]string
	// Versions are the versions that the providers chose, with the reasons.
	Versions []catalog.Version
	// Facts are the facts of each provider, by its name.
	Facts map[string]catalog.Facts
	// Origin returns the position that set a value of the plan, in the topmost layer that sets it. It returns false for
	// defaults.
	Origin func(path ...string) (fault.Pos, bool)
	// Said returns the value that each layer sets at a path, lowest first. Later ones override earlier ones. It
	// reads the app, which must still be open.
	Said func(path ...string) ([]Said, error)
	// Origins returns the origin of every value, down to list elements, with the texts of the files.
	Origins func() *plan.Origins
}

// Note is a message for the user that is not an error.
type Note = catalog.Note

// Plan plans the app. If nothing in its directory yields a phase and it contains a single directory, that
// directory is planned instead, as in Nixpacks. A plan without phases is not a fault. Faults are
// Refused and have the position in the file to change.
// An app that exceeds the budget is refused. The caller must then stop using the app, because a goroutine may still read it.
func Plan(a *app.App, cat *catalog.Catalog, o Options) (*Result, error) {
	b := budget.New()
	var res *Result
	err := b.Run(budget.Work{Costly: a.Costly}, func() (err error) {
		res, err = planIn(&unifier{app: a, catalog: cat, options: o, budget: b, dir: dirOf(a)})
		return inRepository(a, res, err)
	})
	if err != nil {
		return nil, err // a goroutine may still write res
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
	dirs = slices.DeleteFunc(dirs, func(d string) bool { // folders of providers or policies are not apps
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
		found.noteAbove(a, u.file.name)
	}
	return found, nil
}

// noteAbove notes that a configuration file of the directory above the app has no effect.
func (r *Result) noteAbove(above *app.App, name string) {
	where, _ := filepath.Rel(above.Dir(), r.App.Dir())
	r.Notes = append(r.Notes, Note{
		Text: "the app was found in " + where + ", so " + name + " above it has no effect",
		Hint: "move it there, or give that directory as PATH",
		At:   []fault.Pos{{File: name}},
	})
}

// PolicyFolder is the folder of an app whose policies apply.
const PolicyFolder = "policy"

func hasPolicies(a *app.App) bool {
	found, err := a.Glob([]string{PolicyFolder + "/*.cue"}, app.GlobOptions{Depth: 2, Limit: 1})
	return err == nil && len(found) > 0
}

// nothingBelow returns the result if the single directory yields no phases either. As in Nixpacks, the directory's plan
// is used unless the configuration above it sets the start command.
func (u *unifier) nothingBelow(above, below *Result) *Result {
	if u.configuredStart {
		return above
	}
	below.App, below.Notes = above.App, above.Notes
	return below
}

// inDir makes positions in files of sub relative to the app above it.
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

// Detect returns the names of the providers that Plan would evaluate: those that the configuration names, with "..."
// replaced by the detected one. It evaluates no provider.
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

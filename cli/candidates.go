package cli

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	ucli "github.com/urfave/cli/v2"

	"github.com/nixpacks-cue/nixpacks/engine/app"
	"github.com/nixpacks-cue/nixpacks/engine/budget"
	"github.com/nixpacks-cue/nixpacks/engine/catalog"
	"github.com/nixpacks-cue/nixpacks/engine/detect"
	"github.com/nixpacks-cue/nixpacks/engine/unify"
)

// How far down apps are looked for, how many folders with a provider are planned to know whether they start, how many are named, and how
// long is spent on it.
const (
	deepestApp    = 3
	mostTried     = 40
	mostNamedApps = 12
	patience      = 3 * time.Second
)

// appBelow is an app in a folder of what was given.
type appBelow struct{ dir, provider string }

// candidates are the apps in folders of a repository: those that start, or else all that a provider knows. They are looked for
// as long as somebody waits who has made a mistake.
func candidates(a *app.App, cat *catalog.Catalog, opt unify.Options) (out []appBelow) {
	var found []appBelow
	look := budget.Budget{Time: time.Second, Memory: 64 << 20}
	err := look.Run(budget.Work{Costly: a.Costly}, func() error {
		dirs, err := a.Glob([]string{"**"}, app.GlobOptions{Dirs: true, Depth: deepestApp, Not: installed(cat)})
		if err != nil {
			return err
		}
		for _, dir := range dirs {
			below := func(c appBelow) bool { return strings.HasPrefix(dir, c.dir+"/") }
			if strings.HasPrefix(dir, ".") || strings.Contains(dir, "/.") || slices.ContainsFunc(found, below) || len(found) == mostTried {
				continue
			}
			if name := knownAs(a, dir, cat, opt.Env); name != "" {
				found = append(found, appBelow{dir, name})
			}
		}
		return nil
	})
	if err != nil {
		return nil
	}
	until := time.Now().Add(patience)
	for _, c := range found {
		if time.Now().After(until) || starts(a, c.dir, cat, opt) {
			out = append(out, c)
		}
	}
	if len(out) == 0 {
		return found
	}
	return out
}

// installed are the names of folders of packages and tools that are left out of builds: what lies in them is no app.
func installed(cat *catalog.Catalog) []string {
	var out []string
	for _, c := range cat.Defaults().Context.Exclude {
		if len(c.With) > 0 {
			for _, p := range c.Files {
				out = append(out, path.Base(p))
			}
		}
	}
	return out
}

// knownAs is the provider that recognizes a folder; "" for none.
func knownAs(a *app.App, dir string, cat *catalog.Catalog, env map[string]string) string {
	sub, err := a.Sub(dir)
	if err != nil {
		return ""
	}
	defer sub.Close()
	found, _ := detect.Detect(sub, cat, env) // a fault would hide the one that this is said with
	return strings.Join(found, ", ")
}

// starts tells whether the plan of a folder says how it starts. Whoever cannot tell takes it for an app.
func starts(a *app.App, dir string, cat *catalog.Catalog, opt unify.Options) bool {
	sub, err := a.Within(dir)
	if err != nil {
		return false
	}
	defer sub.Close()
	res, err := unify.Plan(sub, cat, unify.Options{Env: opt.Env, Arch: opt.Arch, Flags: unify.Flags{Packages: opt.Flags.Packages}})
	if err != nil {
		return true
	}
	defer res.App.Close()
	return res.Plan.Start != nil && res.Plan.Start.Cmd != ""
}

// commands are the command that was given for each of the apps, a line each.
func commands(c *ucli.Context, path string, a *app.App, apps []appBelow) string {
	var b strings.Builder
	place := ""
	if repository, dir := a.Repository(); repository != nil {
		place = dir + "/"
	}
	for i, app := range apps {
		if i == mostNamedApps {
			fmt.Fprintf(&b, "\n  and %d more", len(apps)-i)
			break
		}
		fmt.Fprintf(&b, "\n  %s --app %s   (%s)", shellwords(append(strings.Fields(c.Command.HelpName), path)), shellwords([]string{place + app.dir}), app.provider)
	}
	return b.String()
}

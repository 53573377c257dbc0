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

// Limits of the search for apps in subdirectories: how deep it looks, how many directories that a provider detects it
// collects, how many it lists, and how long it plans them to find out whether they have a start command.
const (
	deepestApp    = 3
	mostTried     = 40
	mostNamedApps = 12
	patience      = 3 * time.Second
)

// appBelow is an app in a subdirectory of the path that the user gave.
type appBelow struct{ dir, provider string }

// candidates returns the apps in subdirectories of a repository: those with a start command, or else all that a provider
// detects. The search has a time limit, because it runs after a user's mistake, while the user waits for the message.
func candidates(a *app.App, cat *catalog.Catalog, opt unify.Options) (out []appBelow) {
	var found []appBelow
	look := budget.Budget{Time: time.Second, Memory: 64 << 20}
	err := look.Run(budget.Work{Costly: a.Costly}, func() error {
		dirs, err := a.Glob([]string{"**"}, app.GlobOptions{Dirs: true, Depth: deepestApp, Not: installedDirs(cat)})
		if err != nil {
			return err
		}
		for _, dir := range dirs {
			below := func(c appBelow) bool { return strings.HasPrefix(dir, c.dir+"/") }
			if strings.HasPrefix(dir, ".") || strings.Contains(dir, "/.") || slices.ContainsFunc(found, below) || len(found) == mostTried {
				continue
			}
			if name := detectedBy(a, dir, cat, opt.Env); name != "" {
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

// installedDirs returns the names of directories with installed packages and tools, which builds exclude. Nothing in them is an
// app.
func installedDirs(cat *catalog.Catalog) []string {
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

// detectedBy returns the names of the providers that detect a directory; "" if there are none.
func detectedBy(a *app.App, dir string, cat *catalog.Catalog, env map[string]string) string {
	sub, err := a.Sub(dir)
	if err != nil {
		return ""
	}
	defer sub.Close()
	found, _ := detect.Detect(sub, cat, env) // an error here would hide the one that is being reported
	return strings.Join(found, ", ")
}

// starts reports whether the plan of a directory has a start command. A directory that cannot be planned counts as an app.
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

// commands returns the user's command with --app added, one line for each of the apps.
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

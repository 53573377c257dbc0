package cli

import (
	"strings"

	ucli "github.com/urfave/cli/v2"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// undefinedFlag extracts the name of an unknown flag from the error message of Go's flag package.
func undefinedFlag(err error) (string, bool) {
	return strings.CutPrefix(err.Error(), "flag provided but not defined: -")
}

func dashes(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + strings.TrimLeft(name, "-")
}

func flagHint(c *ucli.Context, name string) string {
	name, _, _ = strings.Cut(strings.TrimLeft(name, "-"), "=")
	var names []string
	for _, f := range c.Command.Flags {
		for _, n := range f.Names() {
			if len(n) > 1 {
				names = append(names, n)
			}
		}
	}
	see := "see: " + c.Command.HelpName + " --help"
	if s := fault.Suggest(name, names); s != "" {
		return "did you mean --" + s + "? " + see
	}
	return see
}

// planFlags are the flags of every command that plans. Flags that Nixpacks has keep its names and letters.
func planFlags() []ucli.Flag {
	return []ucli.Flag{
		&ucli.StringFlag{Name: "app", Category: aboutPlan, Usage: "plan the app in the folder `DIR` of PATH, a repository: with what it needs of the repository's workspace, and no more"},
		&ucli.StringFlag{Name: "install-cmd", Aliases: []string{"i"}, Category: aboutPlan, Usage: "run `CMD` in the install phase, instead of the provider's commands"},
		&ucli.StringFlag{Name: "build-cmd", Aliases: []string{"b"}, Category: aboutPlan, Usage: "run `CMD` in the build phase, instead of the provider's commands"},
		&ucli.StringFlag{Name: "start-cmd", Aliases: []string{"s"}, Category: aboutPlan, Usage: "start the image with `CMD`"},
		&ucli.StringFlag{Name: "process", Category: aboutPlan, Usage: "start the image with the process `NAME` of the Procfile or of start.processes"},
		&ucli.StringSliceFlag{Name: "pkgs", Aliases: []string{"p"}, Category: aboutPlan, Usage: "also install the Nix package `PKG` (repeatable)"},
		&ucli.StringSliceFlag{Name: "apt", Aliases: []string{"a"}, Category: aboutPlan, Usage: "also install the Debian package `PKG` (repeatable)"},
		&ucli.StringSliceFlag{Name: "libs", Category: aboutPlan, Usage: "also install the Nix library `LIB` (repeatable)"},
		&ucli.StringFlag{Name: "packages", Category: aboutPlan, Usage: "`nix|apt`: where toolchains come from (default: nix)"},
		&ucli.BoolFlag{Name: "no-slim", Category: aboutPlan, Usage: "run in the image that builds, with all its tools, where a smaller one would do"},
		&ucli.StringFlag{Name: "build-image", Category: aboutPlan, Usage: "run the phases in `REF`: a registry reference, oci-layout://PATH or debian://SUITE"},
		&ucli.StringSliceFlag{Name: "include", Category: aboutPlan, Usage: "have files that match `PATTERN` in the build, such as keys or .git, whatever leaves them out (repeatable)"},
		envFlag(),
		&ucli.StringFlag{Name: "config", Aliases: []string{"c"}, Category: aboutConfig, Usage: "read the configuration `FILE` instead of nixpacks.toml, .json or .cue"},
		&ucli.StringFlag{Name: "json-plan", Category: aboutConfig, Usage: "lay a plan in `JSON` over the app's"},
		providersFlag(),
		offlineFlag(),
		verboseFlag(),
		jsonErrorsFlag(),
	}
}

// offlineFlag belongs to every command that may fetch something, except those whose purpose is to fetch.
func offlineFlag() ucli.Flag {
	return &ucli.BoolFlag{Name: "offline", Category: aboutPackages, Usage: "keep from the network: list what is missing and end, or go on without it; steps of a build have none"}
}

func envFlag() ucli.Flag {
	return &ucli.StringSliceFlag{Name: "env", Aliases: []string{"e"}, Category: aboutConfig, Usage: "set the variable `K=V`; K alone takes its value from your environment (repeatable)"}
}

func verboseFlag() ucli.Flag {
	return &ucli.BoolFlag{Name: "verbose", Aliases: []string{"v"}, Category: aboutWords, Usage: "print more: causes of errors, and the output of every build step"}
}

// environment returns --env as a map. K alone takes its value from the caller's environment. A name that is not set there
// is left out, as in Nixpacks.
func environment(c *ucli.Context, h *Host) (map[string]string, error) {
	host := environMap(h.Environ)
	out := map[string]string{}
	for _, kv := range c.StringSlice("env") {
		k, v, given := strings.Cut(kv, "=")
		if k == "" || strings.ContainsAny(k, " \t\n\x00") {
			return nil, fault.New(fault.Usage, "--env %q has no variable's name", kv).WithHint("write --env NAME=VALUE")
		}
		if !given {
			inherited, ok := host[k]
			if !ok {
				continue
			}
			v = inherited
		}
		out[k] = v
	}
	return out, nil
}

func environMap(environ []string) map[string]string {
	out := make(map[string]string, len(environ))
	for _, kv := range environ {
		k, v, _ := strings.Cut(kv, "=")
		out[k] = v
	}
	return out
}

// appPath returns the only positional argument, by default ".".
func appPath(c *ucli.Context) (string, error) {
	switch c.NArg() {
	case 0:
		return ".", nil
	case 1:
		return c.Args().First(), nil
	}
	return "", fault.New(fault.Usage, "one PATH at most, got %q", c.Args().Slice()).
		WithHint("see: %s --help", c.Command.HelpName)
}

// optional returns a pointer to the flag's value, or nil if the flag is not set.
func optional(c *ucli.Context, name string) *string {
	if !c.IsSet(name) {
		return nil
	}
	s := c.String(name)
	return &s
}

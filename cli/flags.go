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
		&ucli.StringFlag{Name: "app", Category: aboutPlan, Usage: "plan the app in directory `DIR` of the repository PATH, with only the parts of the workspace it needs"},
		&ucli.StringFlag{Name: "install-cmd", Aliases: []string{"i"}, Category: aboutPlan, Usage: "run `CMD` in the install phase instead of the provider's commands"},
		&ucli.StringFlag{Name: "build-cmd", Aliases: []string{"b"}, Category: aboutPlan, Usage: "run `CMD` in the build phase instead of the provider's commands"},
		&ucli.StringFlag{Name: "start-cmd", Aliases: []string{"s"}, Category: aboutPlan, Usage: "use `CMD` as the start command"},
		&ucli.StringFlag{Name: "process", Category: aboutPlan, Usage: "start the process `NAME` from the Procfile or start.processes"},
		&ucli.StringSliceFlag{Name: "pkgs", Aliases: []string{"p"}, Category: aboutPlan, Usage: "install the additional Nix package `PKG` (repeatable)"},
		&ucli.StringSliceFlag{Name: "apt", Aliases: []string{"a"}, Category: aboutPlan, Usage: "install the additional Debian package `PKG` (repeatable)"},
		&ucli.StringSliceFlag{Name: "libs", Category: aboutPlan, Usage: "install the additional Nix library `LIB` (repeatable)"},
		&ucli.StringFlag{Name: "packages", Category: aboutPlan, Usage: "`nix|apt`: select the package source for toolchains (default: nix)"},
		&ucli.BoolFlag{Name: "no-slim", Category: aboutPlan, Usage: "use the build image as the run image instead of a smaller one"},
		&ucli.StringFlag{Name: "build-image", Category: aboutPlan, Usage: "use `REF` as the build image: a registry reference, oci-layout://PATH or debian://SUITE"},
		&ucli.StringSliceFlag{Name: "include", Category: aboutPlan, Usage: "include excluded files that match `PATTERN` in the build context, such as keys or .git (repeatable)"},
		envFlag(),
		&ucli.StringFlag{Name: "config", Aliases: []string{"c"}, Category: aboutConfig, Usage: "read the configuration from `FILE` instead of nixpacks.toml, .json or .cue"},
		&ucli.StringFlag{Name: "json-plan", Category: aboutConfig, Usage: "apply a plan in `JSON` over the app's plan"},
		providersFlag(),
		offlineFlag(),
		verboseFlag(),
		jsonErrorsFlag(),
	}
}

// offlineFlag belongs to every command that may fetch something, except those whose purpose is to fetch.
func offlineFlag() ucli.Flag {
	return &ucli.BoolFlag{Name: "offline", Category: aboutPackages, Usage: "do not use the network: list what is missing and fail, or continue without it; disables it for build steps"}
}

func envFlag() ucli.Flag {
	return &ucli.StringSliceFlag{Name: "env", Aliases: []string{"e"}, Category: aboutConfig, Usage: "set the variable `K=V`; K alone takes its value from the environment (repeatable)"}
}

func verboseFlag() ucli.Flag {
	return &ucli.BoolFlag{Name: "verbose", Aliases: []string{"v"}, Category: aboutWords, Usage: "print more details: causes of errors and the output of all build steps"}
}

// environment returns --env as a map. K alone takes its value from the caller's environment. A name that is not set there
// is left out, as in Nixpacks.
func environment(c *ucli.Context, h *Host) (map[string]string, error) {
	host := environMap(h.Environ)
	out := map[string]string{}
	for _, kv := range c.StringSlice("env") {
		k, v, given := strings.Cut(kv, "=")
		if k == "" || strings.ContainsAny(k, " \t\n\x00") {
			return nil, fault.New(fault.Usage, "--env %q has no variable name", kv).WithHint("write --env NAME=VALUE")
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
	return "", fault.New(fault.Usage, "expected at most one PATH, got %q", c.Args().Slice()).
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

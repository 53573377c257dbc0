package unify

import (
	"maps"
	"slices"
	"strings"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// setting is the value of NIXPACKS_name. As in Nixpacks newlines are dropped.
func setting(env map[string]string, name string) (string, bool) {
	v, ok := env["NIXPACKS_"+name]
	return strings.ReplaceAll(v, "\n", ""), ok
}

func truthy(env map[string]string, name string) bool {
	v, _ := setting(env, name)
	return v == "1" || v == "true"
}

// words splits what a variable lists.
func words(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == ',' })
}

// variableLayer is what the general NIXPACKS_* variables say about the plan.
func variableLayer(env map[string]string) (layer, error) {
	p := &plan.Plan{Phases: map[string]*plan.Phase{}}
	set := map[string]string{} // path → variable
	list := func(name, field string, into *[]string) {
		if v, ok := setting(env, name); ok {
			*into = append(words(v), "...")
			set["phases.setup."+field] = name
		}
	}
	var setup plan.Phase
	list("PKGS", "nixPkgs", &setup.NixPkgs)
	list("APT_PKGS", "aptPkgs", &setup.AptPkgs)
	list("LIBS", "nixLibs", &setup.NixLibs)
	if len(set) > 0 {
		p.Phases["setup"] = &setup
	}
	for phase, name := range map[string]string{"install": "INSTALL", "build": "BUILD"} {
		cmd, ok := setting(env, name+"_CMD")
		if !ok {
			continue
		}
		ph := command(phase, cmd)
		if dirs, ok := setting(env, name+"_CACHE_DIRS"); ok {
			ph.CacheDirectories = sortedSet(words(dirs))
			set["phases."+phase+".cacheDirectories"] = name + "_CACHE_DIRS"
		}
		p.Phases[phase] = ph
		set["phases."+phase+".cmds"] = name + "_CMD"
	}
	if cmd, ok := setting(env, "START_CMD"); ok {
		p.Start = &plan.Start{Cmd: cmd}
		set["start.cmd"] = "START_CMD"
	}
	var err error
	if v, ok := setting(env, "PACKAGES"); ok {
		p.Packages, set["packages"] = v, "PACKAGES"
		err = goodPackages(v, "--env NIXPACKS_PACKAGES", fault.Refused)
	}
	return layer{p, func(path []string) (fault.Pos, bool) {
		if name := set[plan.Path(path...)]; name != "" {
			return named("--env NIXPACKS_"+name, "")
		}
		return fault.Pos{}, false
	}}, err
}

// command is a phase whose command the user gives; its dependency is the one that its name implies.
func command(phase, cmd string) *plan.Phase {
	ph := plan.NewPhase(phase)
	ph.Cmds = []string{cmd}
	return ph
}

func goodPackages(v, where string, code fault.Code) error {
	if v == "nix" || v == "apt" || v == "" {
		return nil
	}
	return fault.New(code, `packages must be "nix" or "apt", not %q`, v).WithPos(fault.Pos{File: where})
}

func sortedSet(list []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(list)))
}

// addCaches adds NIXPACKS_INSTALL_CACHE_DIRS and NIXPACKS_BUILD_CACHE_DIRS to the provider's directories
// where its own command stays. (With a command of the user's they replace them, see variableLayer.)
func addCaches(p *plan.Plan, env map[string]string) {
	for phase, name := range map[string]string{"install": "INSTALL", "build": "BUILD"} {
		_, replaced := setting(env, name+"_CMD")
		dirs, ok := setting(env, name+"_CACHE_DIRS")
		if ph := p.Phases[phase]; ph != nil && ok && !replaced {
			ph.CacheDirectories = sortedSet(append(words(dirs), ph.CacheDirectories...))
		}
	}
}

// envLayer are all variables that were given, which the plan carries.
func envLayer(env map[string]string) layer {
	return layer{&plan.Plan{Variables: maps.Clone(env)}, func(path []string) (fault.Pos, bool) {
		return named("--env "+path[len(path)-1], "")
	}}
}

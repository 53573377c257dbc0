package unify

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/nixpacks-cue/nixpacks/engine/catalog"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// setting returns the value of NIXPACKS_name. As in Nixpacks, newlines are removed and an empty value counts as unset:
// platforms pass empty variables for options that users left open.
func setting(env map[string]string, name string) (string, bool) {
	v := strings.ReplaceAll(env[catalog.Setting+name], "\n", "")
	return v, v != ""
}

// Truthy reports whether the variable NIXPACKS_name is 1 or true.
func Truthy(env map[string]string, name string) bool {
	v, _ := setting(env, name)
	return v == "1" || v == "true"
}

// words splits a list in a variable.
func words(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == ',' })
}

// variableLayer returns the layer of the general NIXPACKS_* variables.
func variableLayer(env map[string]string) (layer, error) {
	v := &variables{env: env, plan: &plan.Plan{Phases: map[string]*plan.Phase{}}, set: map[string]string{}}
	v.setup()
	v.command("install", "INSTALL")
	v.command("build", "BUILD")
	if cmd, ok := v.get("START_CMD", "start.cmd"); ok {
		v.plan.Start = &plan.Start{Cmd: cmd}
	}
	v.plan.Packages, _ = v.get("PACKAGES", "packages")
	v.plan.BuildImage, _ = v.get("BUILD_IMAGE", "buildImage")
	if files, ok := v.get("INCLUDE", "include"); ok {
		v.plan.Include = append(words(files), "...")
	}
	return layer{plan: v.plan, at: v.at}, errors.Join(goodPackages(v.plan.Packages, "--env NIXPACKS_PACKAGES", fault.Refused), goodNames(env))
}

type variables struct {
	env  map[string]string
	plan *plan.Plan
	set  map[string]string // from path to the variable that sets it, without NIXPACKS_
}

func (v *variables) get(name, path string) (string, bool) {
	value, ok := setting(v.env, name)
	if ok {
		v.set[path] = name
	}
	return value, ok
}

func (v *variables) at(path []string) (fault.Pos, bool) {
	if name := v.set[plan.Path(path...)]; name != "" {
		return named("--env NIXPACKS_"+name, "")
	}
	return fault.Pos{}, false
}

// setup adds packages to the provider's.
func (v *variables) setup() {
	var ph plan.Phase
	for _, l := range []struct {
		name, field string
		into        *[]string
	}{{"PKGS", "nixPkgs", &ph.NixPkgs}, {"APT_PKGS", "aptPkgs", &ph.AptPkgs}, {"LIBS", "nixLibs", &ph.NixLibs}} {
		if value, ok := v.get(l.name, "phases.setup."+l.field); ok {
			*l.into = append(words(value), "...")
			v.plan.Phases["setup"] = &ph
		}
	}
}

// command replaces a phase's commands, and its cache directories if some are set.
func (v *variables) command(phase, name string) {
	cmd, ok := v.get(name+"_CMD", "phases."+phase+".cmds")
	if !ok {
		return
	}
	ph := command(phase, cmd)
	if dirs, ok := v.get(name+"_CACHE_DIRS", "phases."+phase+".cacheDirectories"); ok {
		ph.CacheDirectories = sortedSet(words(dirs))
	}
	v.plan.Phases[phase] = ph
}

// goodNames refuses invalid variable names.
func goodNames(env map[string]string) error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if why := plan.BadVariable(name); why != "" {
			errs = append(errs, fault.New(fault.Usage, "%q is not a valid variable name: %s", name, why).WithPos(fault.Pos{File: "--env"}))
		}
	}
	return errors.Join(errs...)
}

// command returns a phase with the user's command. Its dependencies are those implied by its name.
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

// addCaches adds NIXPACKS_INSTALL_CACHE_DIRS and NIXPACKS_BUILD_CACHE_DIRS to the cache directories of the provider's own
// command. (If the user sets the command, they replace the directories, see variableLayer.)
func addCaches(p *plan.Plan, env map[string]string) {
	for phase, name := range map[string]string{"install": "INSTALL", "build": "BUILD"} {
		_, replaced := setting(env, name+"_CMD")
		dirs, ok := setting(env, name+"_CACHE_DIRS")
		if ph := p.Phases[phase]; ph != nil && ok && !replaced {
			ph.CacheDirectories = sortedSet(append(words(dirs), ph.CacheDirectories...))
		}
	}
}

// envLayer returns the layer of all given variables, which become part of the plan.
func envLayer(env map[string]string) layer {
	return layer{plan: &plan.Plan{Variables: maps.Clone(env)}, at: func(path []string) (fault.Pos, bool) {
		return named("--env "+path[len(path)-1], "")
	}}
}

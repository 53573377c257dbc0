package unify

import (
	"maps"
	"slices"
	"strings"

	"github.com/nixpacks-cue/nixpacks/engine/catalog"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// Settings are the NIXPACKS_* variables that apply to every app, without the prefix. Providers define others.
// docs/configuration.md documents each of them.
var Settings = []string{
	"PKGS", "APT_PKGS", "LIBS", "INSTALL_CMD", "BUILD_CMD", "START_CMD", "INSTALL_CACHE_DIRS", "BUILD_CACHE_DIRS",
	"PACKAGES", "BUILD_IMAGE", "INCLUDE", "DEBIAN", "CONFIG_FILE", "UNKNOWN_KEYS", "NO_CACHE", "NO_SLIM", "VERBOSE",
}

// anywhere are the settings that also work as variables in a file. The others are read before the file's variables, as in
// Nixpacks.
var anywhere = []string{"DEBIAN", "NO_CACHE", "NO_SLIM"}

// instead maps settings that do not work as variables in a file to the field to use there.
var instead = map[string]string{
	"PKGS": "phases.setup.nixPkgs", "APT_PKGS": "phases.setup.aptPkgs", "LIBS": "phases.setup.nixLibs",
	"INSTALL_CMD": "phases.install.cmds", "BUILD_CMD": "phases.build.cmds", "START_CMD": "start.cmd",
	"INSTALL_CACHE_DIRS": "phases.install.cacheDirectories", "BUILD_CACHE_DIRS": "phases.build.cacheDirectories",
	"PACKAGES": "packages", "BUILD_IMAGE": "buildImage", "INCLUDE": "include",
}

// noteSettings adds notes for settings without effect: unknown names similar to a known one, and
// settings that a file's variables cannot set.
func (u *unifier) noteSettings(fromFile map[string]string) {
	var known []string
	for _, name := range Settings {
		known = append(known, catalog.Setting+name)
	}
	for _, name := range u.catalog.Names() {
		p, _ := u.catalog.Get(name)
		known = append(known, p.Variables()...)
	}
	for _, full := range slices.Sorted(maps.Keys(u.vars)) {
		name, ok := strings.CutPrefix(full, catalog.Setting)
		at, _ := u.origin([]string{"variables", full}, "")
		_, inFile := fromFile[full]
		switch {
		case !ok:
		case !slices.Contains(known, full):
			if like := fault.Suggest(full, known); like != "" {
				u.note(at, "nothing uses the variable "+full, "did you mean "+like+"?")
			}
		case inFile && instead[name] != "" && u.options.Env[full] == "":
			u.note(at, full+" has no effect in the variables of a file", "use "+instead[name]+" there instead")
		case inFile && slices.Contains(Settings, name) && !slices.Contains(anywhere, name) && u.options.Env[full] == "":
			u.note(at, full+" has no effect in the variables of a file", "pass it with --env")
		}
	}
}

func (u *unifier) note(at fault.Pos, text, hint string) {
	n := Note{Text: text, Hint: hint}
	if at.File != "" {
		n.At = []fault.Pos{at}
	}
	u.notes = append(u.notes, n)
}

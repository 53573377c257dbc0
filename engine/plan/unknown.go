package plan

import (
	"maps"
	"slices"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

func unknownKey(f Field, path, names []string) *fault.Fault {
	where := ""
	if len(path) > 0 {
		where = " in " + shown(path)
	}
	return fault.New(fault.Refused, "unknown field %q%s", f.Name, where).WithPos(f.Pos).
		WithHint("%s", didYouMean(f.Name, names))
}

// meant maps words that people write to the field that they mean, for words too different to be found by spelling.
var meant = map[string]string{
	"command": "cmd", "commands": "cmds", "script": "cmds", "run": "cmds", "packages": "nixPkgs", "pkgs": "nixPkgs", "nix": "nixPkgs",
	"apt": "aptPkgs", "libs": "nixLibs", "libraries": "nixLibs", "overlays": "nixOverlays", "archive": "nixpkgsArchive",
	"nixpkgs": "nixPkgs", "needs": "dependsOn", "depends": "dependsOn", "files": "onlyIncludeFiles", "cache": "cacheDirectories",
	"cacheDirs": "cacheDirectories", "image": "buildImage", "baseImage": "buildImage", "env": "variables", "environment": "variables",
	"assets": "staticAssets", "steps": "phases", "deploy": "start",
}

// didYouMean returns the hint for a name that is not in names. For a phase's fields it also considers aliases and
// suggests the field that they stand for.
func didYouMean(name string, names []string) string {
	if real := meant[name]; slices.Contains(names, real) {
		return `did you mean "` + real + `"?`
	}
	if slices.Contains(names, "cmds") {
		if real, ok := aliases[fault.Suggest(name, slices.Collect(maps.Keys(aliases)))]; ok && fault.Suggest(name, names) == "" {
			return `did you mean "` + real + `"?`
		}
	}
	return fault.DidYouMean(name, names)
}

// Unknown returns the fault for a name that no plan has at path, whose last element is that name.
func Unknown(path []string, at fault.Pos) *fault.Fault {
	last := len(path) - 1
	shape, _ := ShapeAt(path[:last]...)
	return unknownKey(Field{Name: path[last], Pos: at}, path[:last], shape.Names)
}

package plan

import (
	"maps"
	"path"
	"slices"
)

// PerDeploy reports whether a variable changes with every deploy, according to DeployVariables.
func (p *Plan) PerDeploy(name string) bool { return Matches(p.DeployVariables, name) }

// Matches reports whether name matches one of names, in which * stands for any text.
func Matches(names []string, name string) bool {
	return slices.ContainsFunc(names, func(pattern string) bool {
		ok, err := path.Match(pattern, name)
		return ok && err == nil
	})
}

// pinDeployVariables replaces the patterns of DeployVariables by the names of the plan's variables that match them. An
// explicit empty list stays: it also applies to variables that are added later.
func (p *Plan) pinDeployVariables() {
	if len(p.DeployVariables) == 0 {
		return
	}
	var names []string
	for _, name := range slices.Sorted(maps.Keys(p.Variables)) {
		if p.PerDeploy(name) {
			names = append(names, name)
		}
	}
	p.DeployVariables = names
}

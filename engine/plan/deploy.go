package plan

import (
	"maps"
	"path"
	"slices"
)

// PerDeploy tells whether a variable changes with every deploy, as DeployVariables says.
func (p *Plan) PerDeploy(name string) bool { return Matches(p.DeployVariables, name) }

// Matches tells whether a name is one of names, in which * stands for any text.
func Matches(names []string, name string) bool {
	return slices.ContainsFunc(names, func(pattern string) bool {
		ok, err := path.Match(pattern, name)
		return ok && err == nil
	})
}

// pinDeployVariables writes down which of the plan's variables change with every deploy. That none do is written only
// where someone said so: it holds for variables that turn up later, too.
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

package catalog

import (
	"maps"
	"slices"

	"github.com/nixpacks-cue/nixpacks/engine/facts"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// workspaceKind is the kind of fact that asks for the app's workspace.
const workspaceKind = "workspace"

// KnowsWorkspaces reports whether the named provider can plan a workspace member from the workspace's root.
func (c *Catalog) KnowsWorkspaces(name string) bool {
	p, ok := c.Get(name)
	if !ok {
		return false
	}
	s, err := p.parse()
	if err != nil {
		return false // Evaluate reports the error
	}
	asked, _, _ := s.questions()
	for _, q := range asked {
		if q.Kind == workspaceKind {
			return true
		}
	}
	return false
}

// workspace returns the workspace question and its answer, or false if the app is in no workspace.
func (e *evaluator) workspace() (facts.Question, map[string]any, bool) {
	for _, name := range slices.Sorted(maps.Keys(e.asked)) {
		q, a := e.asked[name], e.answers[name]
		if value, ok := a.Value.(map[string]any); ok && q.Kind == workspaceKind && a.OK {
			return q, value, true
		}
	}
	return facts.Question{}, nil, false
}

// up returns the path from the app's directory to the root of its workspace, or "" if it is in none. A provider that asks
// for no workspace uses the root of the provider that consults it.
func (e *evaluator) up() string {
	_, value, ok := e.workspace()
	if !ok {
		return e.outer
	}
	return value["up"].(string)
}

// location returns the app's place in its repository, or nil if it is in no workspace.
func (e *evaluator) location() *plan.Location {
	q, value, ok := e.workspace()
	if !ok {
		return nil
	}
	_, dir := e.app.Repository()
	l := &plan.Location{Dir: dir, Root: value["root"].(string)}
	for list, into := range map[string]*[]string{"needs": &l.With, "others": &l.Without} {
		for _, m := range value[list].([]any) {
			*into = append(*into, m.(map[string]any)["dir"].(string))
		}
	}
	if len(l.Without) > 0 {
		l.Keep = q.Workspace.Keep
	}
	return l
}

// askFirst sorts facts about workspaces before facts that are resolved in a workspace.
func askFirst(now map[string]facts.Question) []string {
	names := slices.Sorted(maps.Keys(now))
	slices.SortStableFunc(names, func(a, b string) int { return later(now[a]) - later(now[b]) })
	return names
}

func later(q facts.Question) int {
	if q.Kind == workspaceKind {
		return 0
	}
	return 1
}

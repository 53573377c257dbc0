package catalog

import (
	"maps"
	"slices"

	"github.com/nixpacks-cue/nixpacks/engine/facts"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// workspaceKind is the kind of fact that says which workspace an app is a member of.
const workspaceKind = "workspace"

// KnowsWorkspaces tells whether the named provider can plan an app that is a member of a workspace, from the workspace's root.
func (c *Catalog) KnowsWorkspaces(name string) bool {
	p, ok := c.Get(name)
	if !ok {
		return false
	}
	s, err := p.parse()
	if err != nil {
		return false // Evaluate says so
	}
	asked, _, _ := s.questions()
	for _, q := range asked {
		if q.Kind == workspaceKind {
			return true
		}
	}
	return false
}

// workspace is the answer to the fact about the app's workspace, and its question; false where the app is in none.
func (e *evaluator) workspace() (facts.Question, map[string]any, bool) {
	for _, name := range slices.Sorted(maps.Keys(e.asked)) {
		q, a := e.asked[name], e.answers[name]
		if value, ok := a.Value.(map[string]any); ok && q.Kind == workspaceKind && a.OK {
			return q, value, true
		}
	}
	return facts.Question{}, nil, false
}

// up leads from the app's directory to the root of its workspace, for a provider that knows none to that of who asks it; "" where it
// is in none.
func (e *evaluator) up() string {
	_, value, ok := e.workspace()
	if !ok {
		return e.outer
	}
	return value["up"].(string)
}

// location is where the app is in its repository, as its workspace has it; nil where it is in none.
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

// askFirst puts facts about workspaces before those that are looked for in one.
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

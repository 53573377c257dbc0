package plan

import (
	"slices"
	"strings"
	"testing"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

func graph(edges map[string][]string) *Plan {
	p := &Plan{Phases: map[string]*Phase{}}
	for name, deps := range edges {
		p.Phases[name] = &Phase{DependsOn: deps}
	}
	return p
}

func TestSorted(t *testing.T) {
	for _, c := range []struct {
		name  string
		edges map[string][]string
		want  []string
	}{
		{"empty", nil, nil},
		{"chain", map[string][]string{"a": {"b"}, "b": {"c"}, "c": nil}, []string{"c", "b", "a"}},
		// Rounds, not depth first: z has no dependencies and so runs before b.
		{"rounds", map[string][]string{"a": nil, "b": {"a"}, "z": nil}, []string{"a", "z", "b"}},
		{"unknown names", map[string][]string{"build": {"install", "nowhere"}, "install": {"setup"}}, []string{"install", "build"}},
		{"twice the same", map[string][]string{"a": {"b", "b"}, "b": nil}, []string{"b", "a"}},
	} {
		got, err := graph(c.edges).Sorted()
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, %v; want %q", c.name, got, err, c.want)
		}
		if cycle := graph(c.edges).Cycle(); cycle != nil {
			t.Errorf("%s: cycle %q", c.name, cycle)
		}
	}
}

func TestCycle(t *testing.T) {
	for _, c := range []struct {
		edges map[string][]string
		want  string
	}{
		{map[string][]string{"a": {"a"}}, "a → a"},
		{map[string][]string{"a": {"b"}, "b": {"c"}, "c": {"b", "s"}, "s": nil}, "b → c → b"},
	} {
		if got := strings.Join(graph(c.edges).Cycle(), " → "); got != c.want {
			t.Errorf("Cycle: %s, want %s", got, c.want)
		}
		_, err := graph(c.edges).Sorted()
		if fault.CodeOf(err) != fault.Refused || err.Error() != "phases depend on each other in a cycle: "+c.want {
			t.Errorf("%v", err)
		}
	}
}

package plan

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// The tables of docs/configuration.md list every key of a plan, with its alias, and no other key.
func TestDocsKeys(t *testing.T) {
	text, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	for begin, path := range map[string][]string{
		"At the top:\n": {}, "Of a phase (": {"phases", "x"}, "Of `[start]`:\n": {"start"},
	} {
		_, after, ok := strings.Cut(string(text), "\n"+begin)
		if !ok {
			t.Fatalf("no part %q", begin)
		}
		_, table, _ := strings.Cut(after, "|---|\n")
		table, _, _ = strings.Cut(table, "\n\n")
		shape, _ := ShapeAt(path...)
		var found []string
		for _, row := range strings.Split(table, "\n") {
			cells := strings.Split(row, " | ")
			key := strings.Trim(cells[0], "|` ")
			found = append(found, key)
			if len(cells) == 3 && key != "name" && cells[1] != "" {
				if other := strings.Trim(cells[1], "` "); aliases[other] != key {
					t.Errorf("%s is no other name of %s", other, key)
				}
			}
			for other, real := range aliases {
				if real == key && len(path) == 2 && !strings.Contains(row, "`"+other+"`") {
					t.Errorf("%s: its other name %s is not there", key, other)
				}
			}
		}
		want := slices.Clone(shape.Names)
		if len(path) == 2 {
			want = append(want, "name")
		}
		slices.Sort(want)
		if slices.Sort(found); !slices.Equal(found, want) {
			t.Errorf("%sthe rows are %q, the keys %q", begin, found, want)
		}
	}
}

package providers_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// TestDocsCredentials compares the table in docs/networks.md with the credentials that providers' phases use in their test
// cases.
func TestDocsCredentials(t *testing.T) {
	said := map[string]bool{plan.AptAuth: true, plan.NixAuth: true}
	cases, err := filepath.Glob("*/testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range cases {
		ar, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range ar.Files {
			var p plan.Plan
			if f.Name != "plan.json" || json.Unmarshal(f.Data, &p) != nil {
				continue
			}
			for _, ph := range p.Phases {
				for id := range ph.Credentials {
					if !strings.HasPrefix(id, "nixpacks-") {
						said[id] = true
					}
				}
			}
		}
	}
	text, err := os.ReadFile("../docs/networks.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]bool{}
	for _, row := range regexp.MustCompile(`(?m)^\| [^|]+ \| ([^|]+) \| `).FindAllStringSubmatch(string(text), -1) {
		for _, id := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(row[1], -1) {
			documented[id[1]] = true
		}
	}
	if got, want := slices.Sorted(maps.Keys(documented)), slices.Sorted(maps.Keys(said)); len(want) < 10 || !slices.Equal(got, want) {
		t.Errorf("docs/networks.md has %q, the providers %q", got, want)
	}
}

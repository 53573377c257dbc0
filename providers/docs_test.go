package providers_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/nixpacks-cue/nixpacks/engine/catalog"
	"github.com/nixpacks-cue/nixpacks/engine/unify"
)

// TestDocsVariables compares docs/configuration.md with the settings that providers read: each setting has a row, and every
// row is a setting that some provider reads.
func TestDocsVariables(t *testing.T) {
	c, err := catalog.Load(os.DirFS("."), "providers")
	if err != nil {
		t.Fatal(err)
	}
	rows := documented(t)
	for _, name := range c.Names() {
		p, _ := c.Get(name)
		for _, v := range p.Variables() {
			general := slices.Contains(unify.Settings, strings.TrimPrefix(v, catalog.Setting)) // these have their own table
			if _, ok := rows[v]; !ok && !general {
				t.Errorf("docs/configuration.md, Variables of providers: add a row\n| `%s` | %s | what it does |", v, name)
			}
		}
	}
	for v, names := range rows {
		for _, name := range names {
			if _, here := c.Get(name); here && !written(t, v) {
				t.Errorf("docs/configuration.md, Variables of providers: %s names %s, and no provider reads it", v, name)
			}
		}
	}
}

// written reports whether a name occurs in a provider's files.
func written(t *testing.T, name string) bool {
	files, err := filepath.Glob("*/*.cue")
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(files, func(f string) bool {
		text, err := os.ReadFile(f)
		return err == nil && strings.Contains(string(text), name)
	})
}

// documented returns the rows of the table: setting to the providers that the row names.
func documented(t *testing.T) map[string][]string {
	text, err := os.ReadFile("../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "### Variables of providers")
	table, _, _ = strings.Cut(table, "\n## ")
	rows := map[string][]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `(\\w+)` \\| ([^|]+) \\| ").FindAllStringSubmatch(table, -1) {
		rows[m[1]] = strings.Split(m[2], ", ")
	}
	if len(rows) < 10 {
		t.Fatalf("%d rows", len(rows))
	}
	return rows
}

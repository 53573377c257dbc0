package unify

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/nixpacks-cue/nixpacks/engine/catalog"
)

// Every configuration shown in the documentation is valid.
func TestDocs(t *testing.T) {
	block := regexp.MustCompile("(?ms)^```(cue|toml|json)\n(.*?)^```$")
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, file := range append(pages, "../../README.md") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		found := block.FindAllStringSubmatch(string(text), -1)
		n += len(found)
		for _, m := range found {
			c := &testCase{dir: t.TempDir()}
			if strings.Contains(m[2], "RELEASE_") {
				c.options.Env = map[string]string{"RELEASE_NAME": "of the example"}
			}
			c.write(t, "web.txt", "")
			text := regexp.MustCompile(`"python"`).ReplaceAllString(m[2], `"py"`) // its name in the test's catalog
			c.write(t, "nixpacks."+m[1], text)
			got := c.outcome(t, testCatalog(t))
			if got["error"] != "" {
				t.Errorf("%s:\n%s\n%s", file, m[2], got["error"])
			}
			if got["changes"] == "" && m[1] != "cue" {
				t.Errorf("%s: this changes nothing:\n%s", file, m[2])
			}
		}
	}
	if n < 14 {
		t.Errorf("only %d blocks were found", n)
	}
}

// Every setting is documented.
func TestDocsSettings(t *testing.T) {
	text, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range Settings {
		if !strings.Contains(string(text), "\n| `"+catalog.Setting+name+"` | ") {
			t.Errorf("docs/configuration.md has no row for %s%s", catalog.Setting, name)
		}
	}
}

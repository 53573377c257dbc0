package cli

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestSecurityDocs checks that the tests that docs/security.md names for its promises exist.
func TestSecurityDocs(t *testing.T) {
	doc, err := os.ReadFile("../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	have := testNames(t, "..")
	named := regexp.MustCompile(`\b(?:Test|Fuzz)[A-Z]\w*(?:/[\w-]+)?`).FindAllString(string(doc), -1)
	if len(named) < 20 {
		t.Errorf("only %d tests are named", len(named))
	}
	for _, name := range named {
		function, script, _ := strings.Cut(name, "/")
		if !have[function] {
			t.Errorf("docs/security.md names %s, and there is no such test", function)
		}
		if function != "TestScript" || script == "" {
			continue
		}
		if _, err := os.Stat(filepath.Join("../testdata/script", script+".txtar")); err != nil {
			t.Errorf("docs/security.md names %s: %v", name, err)
		}
	}
}

// testNames returns the tests of all packages below dir.
func testNames(t *testing.T, dir string) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	function := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range function.FindAllStringSubmatch(string(text), -1) {
			names[m[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

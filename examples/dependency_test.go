package examples

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDependencyEdit changes the file that names dependencies, and the source: what was compiled of the dependencies is compiled
// again by the first build alone, the app by both.
func TestDependencyEdit(t *testing.T) {
	t.Parallel() // it waits more than it computes
	needReal(t)
	bin := program(t)
	app := filepath.Join(t.TempDir(), "rust-http")
	if err := os.CopyFS(app, os.DirFS("rust-http")); err != nil {
		t.Fatal(err)
	}
	manifest := filepath.Join(app, "Cargo.toml")
	edit(t, manifest, "[package]", "# "+app+"\n[package]") // which no build had before
	first := build(t, bin, app, nil)
	edit(t, manifest, "[dependencies]", "# changed\n[dependencies]")
	edit(t, filepath.Join(app, "src", "main.rs"), "Hello", "Howdy")
	second := build(t, bin, app, nil)
	for _, c := range []struct {
		crate         string
		first, second bool
	}{{"tiny_http", true, false}, {"hello", true, true}} {
		line := "Compiling " + c.crate + " "
		if a, b := strings.Contains(first, line), strings.Contains(second, line); a != c.first || b != c.second {
			t.Errorf("%s compiled: %t and then %t, want %t and %t\n%s", c.crate, a, b, c.first, c.second, second)
		}
	}
	if page := deploy(t, bin, app, "/", nil); !strings.Contains(page.text, "Howdy") {
		t.Errorf("the app answers %q", page.text)
	}
}

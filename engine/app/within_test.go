package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// TestWithin checks that an app in a repository can read the repository's files through "../", and nothing outside of it.
func TestWithin(t *testing.T) {
	outer := t.TempDir()
	dir := filepath.Join(outer, "repo")
	for name, text := range map[string]string{
		"secret": "s", "repo/lock": "root", "repo/apps/web/lock": "app", "repo/apps/web/only": "x", "repo/bad": "\xff",
	} {
		if err := os.MkdirAll(filepath.Join(outer, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(outer, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../../../secret", filepath.Join(dir, "apps/web/link")); err != nil {
		t.Fatal(err)
	}
	repo, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer repo.Close()
	web, err := repo.Within("./apps/web/")
	if err != nil {
		t.Fatal(err)
	}
	defer web.Close()
	for name, want := range map[string]string{"lock": "app", "../../lock": "root", "../web/only": "x", "../../../secret": "", "../../../repo/lock": "", "link": ""} {
		if got, _, _ := web.Text(name); got != want {
			t.Errorf("%s holds %q instead of %q", name, got, want)
		}
		if _, ok := web.Stat(name); ok != (want != "") {
			t.Errorf("%s is there: %v", name, ok)
		}
	}
	if _, _, err := web.Text("../../bad"); err == nil || !strings.HasPrefix(err.Error(), "../../bad:1:1: ") {
		t.Errorf("a file that is no text: %v", err)
	}
	for _, name := range []string{"", "..", "../x", "/apps/web", "apps/none", "lock", "apps/../.."} {
		if _, err := repo.Within(name); fault.CodeOf(err) != fault.Usage {
			t.Errorf("%q is opened as an app: %v", name, err)
		}
	}
}

package examples

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// TestMonorepos builds one app of each repository with what it needs of its workspace. An edit in an app that it does not need
// changes neither its plan nor a step of its build; an edit in a package that it needs is seen.
func TestMonorepos(t *testing.T) {
	t.Parallel() // it waits more than it computes
	needReal(t)
	bin := program(t)
	for kind, files := range map[string]struct{ other, needed string }{
		"pnpm":   {"apps/admin/package.json", "packages/greet/index.js"},
		"cargo":  {"apps/admin/Cargo.toml", ""},
		"go":     {"apps/admin/main.go", ""},
		"uv":     {"apps/admin/pyproject.toml", ""},
		"maven":  {"apps/admin/src/main/java/admin/Main.java", "libs/greet/src/main/java/greet/Greet.java"},
		"gradle": {"apps/admin/build.gradle", "libs/greet/src/main/java/greet/Greet.java"},
	} {
		t.Run(kind, func(t *testing.T) {
			repo := t.TempDir()
			if err := os.CopyFS(repo, os.DirFS(filepath.Join("../testdata/monorepo", kind))); err != nil {
				t.Fatal(err)
			}
			flags := []string{"--app", "apps/web", "--packages", "apt"}
			plan := planned(t, bin, repo, flags)
			build(t, bin, repo, flags)
			checkOutput(t, bin, repo, flags, []answer{{Contains: "web says hello\n"}})

			edit(t, filepath.Join(repo, files.other), "\n", "\n\n")
			if again := planned(t, bin, repo, flags); !bytes.Equal(again, plan) {
				t.Errorf("an edit in %s makes another plan:\n%s", files.other, again)
			}
			out, err := exec.Command(bin, append([]string{"build", repo}, flags...)...).CombinedOutput()
			steps := regexp.MustCompile(`\((\d+) of (\d+) steps from the cache\)`).FindSubmatch(out)
			if err != nil || steps == nil || !bytes.Equal(steps[1], steps[2]) {
				t.Errorf("after an edit in %s: %v\n%s", files.other, err, out)
			}
			if files.needed != "" {
				edit(t, filepath.Join(repo, files.needed), "hello", "goodbye")
				checkOutput(t, bin, repo, flags, []answer{{Contains: "web says goodbye\n"}})
			}
		})
	}
}

func planned(t *testing.T, bin, repo string, flags []string) []byte {
	t.Helper()
	out, err := exec.Command(bin, append([]string{"plan", repo}, flags...)...).Output()
	if err != nil {
		t.Fatalf("plan: %v", err)
	}
	return out
}

package cli

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// TestInitRoundTrip checks that removing all comment signs from init's file gives the same plan, even without the provider,
// and that leaving them in place changes nothing.
func TestInitRoundTrip(t *testing.T) {
	apps, err := filepath.Glob("../examples/*/expect.json")
	if err != nil || len(apps) < 20 {
		t.Fatalf("%d examples: %v", len(apps), err)
	}
	for _, expect := range apps {
		t.Run(filepath.Base(filepath.Dir(expect)), func(t *testing.T) {
			app := filepath.Join(t.TempDir(), "app")
			if err := os.CopyFS(app, os.DirFS(filepath.Dir(expect))); err != nil {
				t.Fatal(err)
			}
			for _, name := range configFiles {
				os.Remove(filepath.Join(app, name))
			}
			want := aptPlan(t, app)
			for _, c := range []struct{ flag, file, sign, alone string }{
				{"--cue=false", "nixpacks.toml", "#", "providers = []"}, {"--cue", "nixpacks.cue", "//", ""}, // where the plan's phases may depend on some that do not exist
			} {
				output(t, "init", "--packages", "apt", c.flag, app)
				file := filepath.Join(app, c.file)
				text, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				if got := aptPlan(t, app); !bytes.Equal(got, want) {
					t.Errorf("with %s the plan is %s\nwithout %s", c.file, got, want)
				}
				text = regexp.MustCompile(`(?m)^`+c.sign+`([^ ])`).ReplaceAll(text, []byte("$1"))
				put(t, file, text)
				if got := aptPlan(t, app); !bytes.Equal(got, want) {
					t.Errorf("with all of %s the plan is %s\nwithout %s\n%s", c.file, got, want, text)
				}
				if c.alone != "" {
					put(t, file, append([]byte(c.alone+"\n"), text...))
					for _, d := range differ(t, want, aptPlan(t, app)) {
						t.Errorf("with %s and no provider: %v", c.file, d)
					}
				}
				os.Remove(file)
			}
		})
	}
}

// differ returns the differences of two plans, except for what init leaves to providers.
func differ(t *testing.T, want, got []byte) (out []plan.Change) {
	t.Helper()
	var both [2]*plan.Plan
	for i, text := range [][]byte{want, got} {
		s, err := plan.ReadSaved(text, "plan.json")
		if err != nil {
			t.Fatal(err)
		}
		both[i] = s.Plan
	}
	for _, c := range plan.Diff(both[0], both[1]) {
		switch {
		case slices.Contains([]string{"staticAssets", "nixHashes", "aptHashes", "deployVariables", "exclude", "include"}, c.Path[0]):
		case c.Path[len(c.Path)-1] == "NIXPACKS_METADATA":
		default:
			out = append(out, c)
		}
	}
	return out
}

func put(t *testing.T, file string, text []byte) {
	t.Helper()
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Fatal(err)
	}
}

func aptPlan(t *testing.T, app string) []byte {
	t.Helper()
	return output(t, "plan", "--packages", "apt", app)
}

// output returns what a command prints.
func output(t *testing.T, args ...string) []byte {
	t.Helper()
	out, code := outputOf(args...)
	if code != 0 {
		t.Fatalf("%q: exit code %d\n%s", args, code, out)
	}
	return out
}

// outputOf returns what a command prints, or its message if it fails, and its exit code.
func outputOf(args ...string) ([]byte, int) {
	var out, errs bytes.Buffer
	code := Run(context.Background(), append([]string{"nixpacks"}, args...), Host{Stdout: &out, Stderr: &errs})
	if code != 0 {
		return errs.Bytes(), code
	}
	return out.Bytes(), 0
}

package cli

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// TestMigrateKeepsPlans migrates apps from nixpacks.toml or nixpacks.json to nixpacks.cue, and compares the plans before
// and after. The apps are the test cases of package unify for such files, and those in the folder that NIXPACKS_CONFORMANCE
// names.
func TestMigrateKeepsPlans(t *testing.T) {
	t.Parallel() // mostly waits
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	own := filepath.Join(root, "engine", "unify", "testdata")
	moved := 0
	for _, dir := range []string{filepath.Join(own, "data"), filepath.Join(own, "layers"), filepath.Join(own, "slim"), os.Getenv("NIXPACKS_CONFORMANCE")} {
		if dir == "" {
			continue
		}
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".txtar") {
				return err
			}
			app, args := appOf(t, path)
			if app == "" {
				return nil
			}
			if strings.HasPrefix(path, own) {
				args = append(args, "--providers", filepath.Join(own, "providers"))
			}
			t.Run(filepath.Base(dir)+"/"+strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
				if samePlanMoved(t, app, args) {
					moved++
				}
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if moved < 20 {
		t.Errorf("%d apps were moved", moved)
	}
}

// appOf writes the app of a case with a nixpacks.toml or nixpacks.json, and returns the variables that go with it. It
// returns "" for any other case.
func appOf(t *testing.T, path string) (app string, args []string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	ar := txtar.Parse(text)
	has := func(f txtar.File) bool {
		base := strings.TrimPrefix(f.Name, "app/")
		return base == "nixpacks.toml" || base == "nixpacks.json"
	}
	if !slices.ContainsFunc(ar.Files, has) {
		return "", nil
	}
	dir := t.TempDir()
	app = filepath.Join(dir, "app")
	for _, f := range ar.Files {
		if !strings.HasPrefix(f.Name, "app/") {
			if filepath.Base(f.Name) == "plan.json" || strings.HasPrefix(f.Name, "want") {
				continue
			}
			f.Name = "app/" + f.Name
		}
		file := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		put(t, file, f.Data)
	}
	for l := range strings.Lines(string(ar.Comment)) {
		env, ok := strings.CutPrefix(strings.TrimSpace(l), "env: ")
		var several []string
		if ok && json.Unmarshal([]byte(env), &several) != nil {
			several = []string{strings.ReplaceAll(env, `\n`, "\n")}
		}
		for _, e := range several {
			args = append(args, "--env", e)
		}
	}
	return app, args
}

// refusedMoves are the cases that are not migrated, and why.
var refusedMoves = map[string]string{
	"filled-twice":        "would change the plan: phases.setup.nixPkgs", // with its variable
	"subdirectory-config": "the app is in one/two, which does not use files of its parent directories",
}

// samePlanMoved reports whether the app could be migrated. An app that cannot be planned with its file cannot be migrated.
func samePlanMoved(t *testing.T, app string, args []string) bool {
	t.Helper()
	plans := func(config ...string) ([]byte, int) {
		return outputOf(append(append([]string{"plan"}, append(args, config...)...), app)...)
	}
	before, code := plans()
	if code != 0 {
		return false
	}
	switch text, code := outputOf(append(append([]string{"migrate", "--remove"}, args...), app)...); {
	case code == 0:
	case refusedMoves[filepath.Base(t.Name())] != "" && strings.Contains(string(text), refusedMoves[filepath.Base(t.Name())]):
		return false
	default:
		t.Fatalf("exit code %d: %s", code, text)
	}
	after, code := plans()
	cue, _ := os.ReadFile(filepath.Join(app, "nixpacks.cue"))
	if code != 0 {
		t.Fatalf("exit code %d\n%s", code, cue)
	}
	var both [2]*plan.Plan
	for i, text := range [][]byte{before, after} {
		p, err := plan.Decode(text, "plan.json")
		if err != nil {
			t.Fatal(err)
		}
		for _, ph := range p.Phases {
			ph.DependsOn = slices.DeleteFunc(ph.DependsOn, func(dep string) bool { return p.Phases[dep] == nil })
			if len(ph.NixPkgs)+len(ph.NixLibs) == 0 {
				ph.NixpkgsArchive = "" // without packages it has no effect
			}
		}
		both[i] = p
	}
	for _, d := range plan.Diff(both[0], both[1]) {
		t.Errorf("%s was %q and is %q, with\n%s", plan.Path(d.Path...), d.From, d.To, cue)
	}
	return true
}

package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nixpacks-cue/nixpacks/engine/catalog"
	imagetest "github.com/nixpacks-cue/nixpacks/testdata/image"
	"golang.org/x/tools/txtar"
)

// TestConformance plans the apps in the folder that NIXPACKS_CONFORMANCE names, and compares the plans with those of
// Nixpacks. It covers every case of a provider that this program has, and the cases without one. Intended differences are
// listed, with their reasons, in docs/differences.md.
func TestConformance(t *testing.T) {
	t.Parallel() // mostly waits
	dir := os.Getenv("NIXPACKS_CONFORMANCE")
	if dir == "" {
		t.Skip("set NIXPACKS_CONFORMANCE to the folder of cases")
	}
	known := knownProviders(t)
	listed := listedDifferences(t)
	ran := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".txtar") {
			return err
		}
		name, _ := filepath.Rel(dir, strings.TrimSuffix(path, ".txtar"))
		c := readCase(t, path)
		if !c.plannedBy(known) || listed[name] {
			return nil
		}
		ran++
		t.Run(name, func(t *testing.T) { c.check(t) })
		return nil
	})
	if err != nil || ran == 0 {
		t.Fatalf("%d cases in %s: %v", ran, dir, err)
	}
}

func knownProviders(t *testing.T) []string {
	cat, err := catalog.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	return cat.Names()
}

// listedDifferences reads the table of docs/differences.md, whose first column has the cases in backquotes.
func listedDifferences(t *testing.T) map[string]bool {
	b, err := os.ReadFile("../docs/differences.md")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]bool{}
	for l := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(l, "| `"); ok {
			name, _, _ := strings.Cut(rest, "`")
			out[name] = true
		}
	}
	return out
}

type conformanceCase struct {
	args, env, executable []string
	detect                string
	files                 map[string][]byte // app/…
	plan                  []byte            // nil: the app must be refused
}

func readCase(t *testing.T, path string) conformanceCase {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	ar := txtar.Parse(b)
	c := conformanceCase{files: map[string][]byte{}}
	lists := map[string]*[]string{"args": &c.args, "env": &c.env, "executable": &c.executable}
	for l := range strings.Lines(string(ar.Comment)) {
		k, v, _ := strings.Cut(strings.TrimSpace(l), ":")
		if k == "detect" {
			c.detect = strings.TrimSpace(v)
		} else if into := lists[k]; into != nil {
			if err := json.Unmarshal([]byte(v), into); err != nil {
				t.Fatalf("%s: %v", path, err)
			}
		}
	}
	for _, f := range ar.Files {
		switch {
		case strings.HasPrefix(f.Name, "app/"):
			c.files[f.Name] = f.Data
		case f.Name == "plan.json":
			c.plan = f.Data
		}
	}
	return c
}

func (c conformanceCase) plannedBy(known []string) bool {
	if c.detect == "" {
		return true
	}
	for _, p := range strings.Split(c.detect, ", ") {
		if !slices.Contains(known, p) {
			return false
		}
	}
	return true
}

func (c conformanceCase) write(t *testing.T) string {
	t.Helper()
	app := filepath.Join(t.TempDir(), "app")
	os.MkdirAll(app, 0o755)
	for name, data := range c.files {
		p := filepath.Join(filepath.Dir(app), name)
		mode := fs.FileMode(0o644)
		if slices.Contains(c.executable, strings.TrimPrefix(name, "app/")) {
			mode = 0o755
		}
		os.MkdirAll(filepath.Dir(p), 0o755)
		if err := os.WriteFile(p, data, mode); err != nil {
			t.Fatal(err)
		}
	}
	return app
}

func (c conformanceCase) check(t *testing.T) {
	app := c.write(t)
	opts := slices.Clone(c.args)
	for _, e := range c.env {
		opts = append(opts, "--env", e)
	}
	run := func(command string) (string, string, int) {
		var out, errs bytes.Buffer
		code := Run(context.Background(), append(append([]string{"nixpacks", command}, opts...), app), Host{Stdout: &out, Stderr: &errs})
		return out.String(), errs.String(), code
	}
	out, errs, code := run("plan")
	if c.plan == nil {
		if code == 0 || errs == "" || code == 100 {
			t.Errorf("want a refusal, got exit %d: %s", code, errs)
		}
		return
	}
	if code != 0 {
		t.Fatalf("exit %d: %s", code, errs)
	}
	different, err := imagetest.PlanDifferences(c.plan, []byte(out))
	must(t, err)
	for _, d := range different {
		t.Error(d)
	}
	if got, _, _ := run("detect"); strings.TrimSpace(got) != c.detect {
		t.Errorf("detect: want %q got %q", c.detect, strings.TrimSpace(got))
	}
}

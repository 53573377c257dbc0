package unify

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/nixpacks-cue/nixpacks/engine/app"
	"github.com/nixpacks-cue/nixpacks/engine/catalog"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// A case is a txtar file. Lines before the first section set options (env: K=V, config: FILE, json-plan: TEXT,
// pkgs:, apt:, libs:, install-cmd:, build-cmd:, start-cmd:, build-image:, packages:, include:, no-slim:); other lines are comments.
// Sections app/PATH are the app. plan.json, changes (relative to the plan of the same app without configuration and options),
// notes, providers, dir and error are the expected results and must match exactly.
type testCase struct {
	archive *txtar.Archive
	options Options
	dir     string
}

func readCase(t testing.TB, file string) *testCase {
	t.Helper()
	a, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	c := &testCase{archive: a, dir: t.TempDir(), options: Options{Env: map[string]string{}}}
	for line := range strings.Lines(string(a.Comment)) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), ": "); ok {
			c.option(key, value)
		}
	}
	for _, f := range a.Files {
		name, ok := strings.CutPrefix(f.Name, "app/")
		if !ok {
			continue
		}
		c.write(t, name, string(f.Data))
	}
	return c
}

func (c *testCase) write(t testing.TB, name, data string) {
	t.Helper()
	p := filepath.Join(c.dir, name)
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p, []byte(data), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (c *testCase) link(t testing.TB, to, name string) {
	t.Helper()
	if err := os.Symlink(to, filepath.Join(c.dir, name)); err != nil {
		t.Fatal(err)
	}
}

func (c *testCase) option(key, value string) {
	f := &c.options.Flags
	switch key {
	case "env":
		k, v, _ := strings.Cut(value, "=")
		c.options.Env[k] = strings.ReplaceAll(v, `\n`, "\n")
	case "include":
		f.Include = strings.Fields(value)
	case "config":
		c.options.Config = value
	case "json-plan":
		c.options.JSONPlan = []byte(value)
	case "pkgs":
		f.Pkgs = strings.Fields(value)
	case "apt":
		f.AptPkgs = strings.Fields(value)
	case "libs":
		f.Libs = strings.Fields(value)
	case "install-cmd":
		f.InstallCmd = &value
	case "build-cmd":
		f.BuildCmd = &value
	case "start-cmd":
		f.StartCmd = &value
	case "build-image":
		f.BuildImage = value
	case "packages":
		f.Packages = value
	case "no-slim":
		f.NoSlim = true
	}
}

var loadCatalog = sync.OnceValues(func() (*catalog.Catalog, error) {
	return catalog.Load(os.DirFS("testdata/providers"), "providers")
})

func testCatalog(t testing.TB) *catalog.Catalog {
	t.Helper()
	cat, err := loadCatalog()
	if err != nil {
		t.Fatal(err)
	}
	return cat
}

// outcome plans the case and returns its sections.
func (c *testCase) outcome(t testing.TB, cat *catalog.Catalog) map[string]string {
	t.Helper()
	a, err := app.Open(c.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	res, err := Plan(a, cat, c.options)
	var b strings.Builder
	if err != nil {
		fault.Print(&b, err, false)
		return map[string]string{"error": fmt.Sprintf("%sexit %d\n", b.String(), fault.CodeOf(err))}
	}
	for _, n := range res.Notes {
		f := fault.New(0, "%s", n.Text).WithPos(n.At...)
		f.Hint = n.Hint
		fault.Print(&b, f, false)
	}
	out := map[string]string{"plan.json": string(res.Plan.JSON()), "changes": c.changes(t, cat, res.Plan), "notes": strings.ReplaceAll(b.String(), "error: ", "note: ")}
	if names := strings.Join(res.Providers, " "); names != "web" {
		out["providers"] = names + "\n"
	}
	if dir, _ := filepath.Rel(c.dir, res.App.Dir()); dir != "." {
		out["dir"] = dir + "\n"
		res.App.Close()
	}
	return out
}

// changes lists how a plan differs from that of the app without configuration and options, one leaf per line.
func (c *testCase) changes(t testing.TB, cat *catalog.Catalog, p *plan.Plan) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"web.txt", "py.txt"} {
		if data, err := os.ReadFile(filepath.Join(c.dir, name)); err == nil {
			(&testCase{dir: dir}).write(t, name, string(data))
		}
	}
	a, err := app.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	res, err := Plan(a, cat, Options{})
	if err != nil {
		t.Fatal(err)
	}
	was, is := leafLines(res.Plan), leafLines(p)
	var b strings.Builder
	for _, path := range slices.Sorted(maps.Keys(is)) {
		if was[path] != is[path] {
			fmt.Fprintf(&b, "%s: %s\n", path, is[path])
		}
	}
	for _, path := range slices.Sorted(maps.Keys(was)) {
		if _, ok := is[path]; !ok {
			fmt.Fprintf(&b, "%s is gone\n", path)
		}
	}
	return b.String()
}

func leafLines(p *plan.Plan) map[string]string {
	out := map[string]string{}
	for name := range p.Phases {
		out[plan.Path("phases", name)] = "{…}"
	}
	for _, l := range p.Leaves() {
		out[plan.Path(l.Path...)] = fmt.Sprintf("%q", l.Value)
	}
	return out
}

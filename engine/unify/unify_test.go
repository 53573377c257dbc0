package unify

import (
	"flag"
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

var update = flag.Bool("update", false, "rewrite the expectations in testdata")

// A case is a txtar file: lines before the first section set options (env: K=V, config: FILE, json-plan: TEXT,
// pkgs:, apt:, libs:, install-cmd:, build-cmd:, start-cmd:, build-image:, packages:), other lines explain. Sections app/PATH are the app;
// plan.json, changes (against the plan of the same app without configuration and options), notes, providers,
// dir and error are what must come out, each exactly.
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

// outcome plans the case and gives its sections.
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

// changes is how a plan differs from that of the app without configuration and options, a line a leaf.
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

var sections = []string{"providers", "dir", "notes", "changes", "plan.json", "error"}

func TestCases(t *testing.T) {
	files, err := filepath.Glob("testdata/*/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases")
	}
	cat := testCatalog(t)
	for _, file := range files {
		name := strings.TrimSuffix(strings.TrimPrefix(file, "testdata/"), ".txtar")
		t.Run(name, func(t *testing.T) {
			c := readCase(t, file)
			got := c.outcome(t, cat)
			if strings.HasPrefix(got["notes"], "note: version 20 is old\n") && strings.Count(got["notes"], "note: ") == 1 {
				got["notes"] = "" // of the test's provider; one case is about it
			}
			if *update {
				rewrite(t, file, c.archive, got)
				return
			}
			want := map[string]string{}
			for _, f := range c.archive.Files {
				want[f.Name] = string(f.Data)
			}
			for _, s := range sections {
				if _, full := want["plan.json"]; s == "plan.json" && !full || s == "changes" && full {
					continue
				}
				if strings.TrimSpace(got[s]) != strings.TrimSpace(want[s]) {
					t.Errorf("%s:\n%s\nwant:\n%s", s, got[s], want[s])
				}
			}
		})
	}
}

func rewrite(t *testing.T, file string, a *txtar.Archive, got map[string]string) {
	t.Helper()
	var files []txtar.File
	full := false
	for _, f := range a.Files {
		full = full || f.Name == "plan.json"
		if strings.HasPrefix(f.Name, "app/") {
			files = append(files, f)
		}
	}
	for _, s := range sections {
		if s == "plan.json" && !full || s == "changes" && full {
			continue
		}
		if strings.TrimSpace(got[s]) != "" {
			files = append(files, txtar.File{Name: s, Data: []byte(got[s])})
		}
	}
	a.Files = files
	if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Planning twice gives the same bytes, and a plan that is planned again from its JSON stays as it is.
func TestPlanIsStable(t *testing.T) {
	files, _ := filepath.Glob("testdata/*/*.txtar")
	cat := testCatalog(t)
	for _, file := range files {
		c := readCase(t, file)
		first := c.outcome(t, cat)
		if again := c.outcome(t, cat); fmt.Sprint(first) != fmt.Sprint(again) {
			t.Errorf("%s: planning twice gives\n%v\n%v", file, first, again)
		}
		if first["plan.json"] == "" || first["dir"] != "" {
			continue
		}
		saved := &testCase{dir: t.TempDir(), options: Options{JSONPlan: []byte(first["plan.json"])}}
		saved.options.Flags.BuildImage = c.options.Flags.BuildImage // an image of this machine is named again
		if got := saved.outcome(t, cat)["plan.json"]; got != first["plan.json"] {
			t.Errorf("%s: saved and planned again:\n%s\nwas:\n%s", file, got, first["plan.json"])
		}
	}
}

// Facts are kept for every provider.
func TestFacts(t *testing.T) {
	c := &testCase{dir: t.TempDir()}
	c.write(t, "web.txt", "web\n")
	a, err := app.Open(c.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	res, err := Plan(a, testCatalog(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if f := res.Facts["web"]; len(res.Facts) != 1 || f.Packages != "nix" || f.Facts["text"].Value != "web\n" {
		t.Errorf("%+v", res.Facts)
	}
}

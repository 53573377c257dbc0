package unify

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/nixpacks-cue/nixpacks/engine/app"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

var update = flag.Bool("update", false, "rewrite the expectations in testdata")

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
				got["notes"] = "" // they come from the test's provider; one case covers them
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

// Planning is deterministic, and planning again from a plan's JSON does not change it.
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
		saved.options.Flags.BuildImage = c.options.Flags.BuildImage // local images must be named again
		if got := saved.outcome(t, cat)["plan.json"]; got != first["plan.json"] {
			t.Errorf("%s: saved and planned again:\n%s\nwas:\n%s", file, got, first["plan.json"])
		}
	}
}

// Facts are recorded for every provider.
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

// Positions in the schema are only visible with --verbose.
func TestCauses(t *testing.T) {
	for _, file := range []string{"wrong-type", "typo", "enum", "base-field", "flag-clash"} {
		folder := "cueerror"
		if file == "flag-clash" {
			folder = "cue"
		}
		c := readCase(t, "testdata/"+folder+"/"+file+".txtar")
		a, err := app.Open(c.dir)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		_, err = Plan(a, testCatalog(t), c.options)
		for _, f := range fault.All(err) {
			if f.Err == nil || !strings.Contains(f.Err.Error(), "nixpacks.cue:") {
				t.Errorf("%s: %q has no cause: %v", file, f.Msg, f.Err)
			}
			if s := fmt.Sprint(f.Msg, f.Hint, f.Detail, f.At); strings.Contains(s, "#Plan") || strings.Contains(s, "schema/") {
				t.Errorf("%s: the schema shows: %s", file, s)
			}
		}
	}
}

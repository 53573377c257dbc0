package providers_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nixpacks-cue/nixpacks/engine/cases"
	"github.com/nixpacks-cue/nixpacks/engine/catalog"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

var update = flag.Bool("update", false, "rewrite what the tests expect from what the providers say")

// TestProviders evaluates each provider for the apps in its testdata (see package cases). -update rewrites the expected
// results.
func TestProviders(t *testing.T) {
	eachCase(t, 1, func(t *testing.T, c *catalog.Catalog, p *catalog.Provider, file string, k *cases.Case) {
		got, err := cases.Outcome(k.Ask(c, p.Name))
		if err != nil {
			t.Fatal(err)
		}
		if !*update {
			if d := k.Diff(got); len(d) > 0 {
				t.Errorf("%s", d)
			}
			return
		}
		if err := os.WriteFile(file, k.Text(got), 0o644); err != nil {
			t.Fatal(err)
		}
	})
}

// eachCase runs f for one in some cases of every provider. It loads providers like external ones, so that everything they
// define is checked against schema.#Provider.
func eachCase(t *testing.T, some int, f func(t *testing.T, c *catalog.Catalog, p *catalog.Provider, file string, k *cases.Case)) {
	c, err := catalog.Load(os.DirFS("."), "providers")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range c.Names() {
		p, _ := c.Get(name)
		files, err := filepath.Glob(filepath.Join(p.Folder, catalog.CaseFiles))
		if err != nil || len(files) == 0 {
			t.Errorf("provider %s has no testdata: %v", name, err)
		}
		for i, file := range files {
			if i%some != 0 {
				continue
			}
			t.Run(p.Folder+"/testdata/"+strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
				t.Parallel()
				text, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				f(t, c, p, file, cases.Parse(text))
			})
		}
	}
}

// TestIndex checks that index.json, from which the program loads its providers, is up to date. -update regenerates it.
func TestIndex(t *testing.T) {
	c, err := catalog.Load(os.DirFS("."), "providers")
	if err != nil {
		t.Fatal(err)
	}
	want, err := c.Index()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(catalog.IndexFile, want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(catalog.IndexFile)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("index.json is not up to date (%v): go test ./providers -run TestIndex -update", err)
	}
}

// TestStockCUE evaluates facts with the stock cue command, which knows nothing of this program. It shows that a plan depends
// only on the provider's files and the answers to its facts. Each case is a process, so only one case in four runs unless
// NIXPACKS_STOCK_CUE=all is set.
func TestStockCUE(t *testing.T) {
	cue := filepath.Join(t.TempDir(), "cue")
	if out, err := exec.Command("go", "build", "-o", cue, "cuelang.org/go/cmd/cue").CombinedOutput(); err != nil {
		t.Fatalf("cannot build the cue command: %v\n%s", err, out)
	}
	some := 4
	if os.Getenv("NIXPACKS_STOCK_CUE") == "all" {
		some = 1
	}
	eachCase(t, some, func(t *testing.T, c *catalog.Catalog, p *catalog.Provider, _ string, k *cases.Case) {
		e, err := k.Ask(c, p.Name)
		if err != nil {
			return // a refused app has no plan
		}
		facts := filepath.Join(t.TempDir(), "facts.json")
		if err := os.WriteFile(facts, indented(t, e.Facts), 0o644); err != nil {
			t.Fatal(err)
		}
		// From the repository's root, as documented.
		cmd := exec.Command(cue, "export", "./providers/"+p.Folder, facts, "-e", "plan")
		cmd.Dir = ".."
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v\n%s", err, stderr.String())
		}
		var got plan.Plan
		if err := json.Unmarshal(out, &got); err != nil {
			t.Fatal(err)
		}
		if want, got := indented(t, e.Plan), indented(t, got); !bytes.Equal(want, got) {
			t.Errorf("the cue command gives\n%s\ninstead of\n%s", got, want)
		}
	})
}

func indented(t *testing.T, v any) []byte {
	t.Helper()
	text, err := cases.Indented(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

package providers_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/nixpacks-cue/nixpacks/engine/app"
	"github.com/nixpacks-cue/nixpacks/engine/catalog"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

var (
	update = flag.Bool("update", false, "rewrite what the tests expect from what the providers say")
	from   = flag.String("from", "", "test the providers in this folder, given as an absolute path, instead of this project's own")
)

// TestProviders evaluates each provider for the apps in its testdata. A case is a txtar file:
//
//	-- app/PATH --   a file of the app; -- app/PATH mode=755 -- an executable one
//	-- env --        variables, a line NAME=VALUE each
//	-- packages --   nix or apt
//	-- arch --       the machine that the image is for, where it is not amd64
//
// and what is expected of it, rewritten by -update:
//
//	-- plan.json --      the plan that the provider gives
//	-- slim.json --      what it says of the running image, where it does
//	-- metadata.json --  words beside the provider's name, where it has any
//	-- versions --       the versions that it decided on, a line each, where it says
//	-- shares.json --    what it offers to other providers, where it does
//	-- notes --          what it tells the user, where it does
//	-- error --          what it refuses the app with, instead of all these
func TestProviders(t *testing.T) {
	eachCase(t, func(t *testing.T, c *catalog.Catalog, p *catalog.Provider, file string, want []txtar.File, in input) {
		a, err := app.Open(in.dir)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		e, err := c.Request(a, catalog.Env{Packages: in.packages, Variables: in.env, Arch: in.arch}).Evaluate(p.Name)
		got := outcome(t, e, err)
		if !*update {
			compare(t, want, got)
			return
		}
		ar := txtar.Archive{Comment: in.comment, Files: append(in.files, got...)}
		if err := os.WriteFile(file, txtar.Format(&ar), 0o644); err != nil {
			t.Fatal(err)
		}
	})
}

// eachCase runs f for every case of every provider. The providers are loaded like those from outside, so
// that all they give is checked against schema.#Provider.
func eachCase(t *testing.T, f func(t *testing.T, c *catalog.Catalog, p *catalog.Provider, file string, want []txtar.File, in input)) {
	own, c := loadProviders(t)
	for _, name := range own.Names() {
		p, _ := own.Get(name)
		files, err := filepath.Glob(filepath.Join(*from, p.Folder, "testdata", "*.txtar"))
		if err != nil || len(files) == 0 {
			t.Errorf("provider %s has no testdata: %v", name, err)
		}
		for _, file := range files {
			t.Run(p.Folder+"/testdata/"+strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
				t.Parallel()
				ar, err := txtar.ParseFile(file)
				if err != nil {
					t.Fatal(err)
				}
				in, want := splitCase(t, ar)
				f(t, c, p, file, want, in)
			})
		}
	}
}

// loadProviders gives the providers to test, and those that they may ask.
func loadProviders(t *testing.T) (own, all *catalog.Catalog) {
	if *from == "" {
		c, err := catalog.Load(os.DirFS("."), "providers")
		if err != nil {
			t.Fatal(err)
		}
		return c, c
	}
	own, err := catalog.Load(os.DirFS(*from), filepath.Base(*from))
	if err != nil {
		var b bytes.Buffer
		fault.Print(&b, err, false)
		t.Fatal(b.String())
	}
	all, err = catalog.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	return own, all.With(own)
}

// input is what a case gives; files are its sections.
type input struct {
	dir, packages, arch string
	env                 map[string]string
	comment             []byte
	files               []txtar.File
}

func splitCase(t *testing.T, ar *txtar.Archive) (input, []txtar.File) {
	in := input{dir: filepath.Join(t.TempDir(), "app"), env: map[string]string{}, comment: ar.Comment}
	if err := os.Mkdir(in.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	var want []txtar.File
	for _, f := range ar.Files {
		name, isApp := strings.CutPrefix(f.Name, "app/")
		switch {
		case isApp:
			write(t, in.dir, name, f.Data)
		case f.Name == "env":
			for l := range strings.Lines(string(f.Data)) {
				k, v, _ := strings.Cut(strings.TrimSuffix(l, "\n"), "=")
				in.env[k] = v
			}
		case f.Name == "packages":
			in.packages = strings.TrimSpace(string(f.Data))
		case f.Name == "arch":
			in.arch = strings.TrimSpace(string(f.Data))
		default:
			want = append(want, f)
			continue
		}
		in.files = append(in.files, f)
	}
	return in, want
}

func write(t *testing.T, dir, name string, data []byte) {
	name, executable := strings.CutSuffix(name, " mode=755")
	mode := os.FileMode(0o644)
	if executable {
		mode = 0o755
	}
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if strings.HasSuffix(name, "/") { // an empty directory
		if err := os.MkdirAll(path, 0o755); err != nil {
			t.Fatal(err)
		}
		return
	}
	if err := os.WriteFile(path, data, mode); err != nil {
		t.Fatal(err)
	}
}

func ownStart(s *catalog.Slim) *plan.Start {
	if s.Own == nil {
		return nil
	}
	return &s.Own.Start
}

// outcome is what a case's sections say about an evaluation.
func outcome(t *testing.T, e *catalog.Evaluation, err error) []txtar.File {
	var b bytes.Buffer
	if err != nil {
		fault.Print(&b, err, false)
		return []txtar.File{{Name: "error", Data: b.Bytes()}}
	}
	out := []txtar.File{{Name: "plan.json", Data: indented(t, e.Plan)}}
	if s := e.Slim; s != nil {
		out = append(out, txtar.File{Name: "slim.json", Data: indented(t, struct {
			Start  plan.Start  `json:"start"`
			Own    *plan.Start `json:"own,omitempty"` // in full
			Unless string      `json:"unless,omitempty"`
		}{s.Start, ownStart(s), s.Unless})})
	}
	if len(e.Metadata) > 0 {
		out = append(out, txtar.File{Name: "metadata.json", Data: indented(t, e.Metadata)})
	}
	for _, v := range e.Versions {
		fmt.Fprintf(&b, "%s %s: %s", v.Of, v.Version, v.Source())
		for _, at := range v.At {
			fmt.Fprintf(&b, " (%s)", at)
		}
		b.WriteString("\n")
	}
	if b.Len() > 0 {
		out = append(out, txtar.File{Name: "versions", Data: bytes.Clone(b.Bytes())})
		b.Reset()
	}
	if len(e.Shares) > 0 {
		out = append(out, txtar.File{Name: "shares.json", Data: indented(t, e.Shares)})
	}
	for _, n := range e.Notes {
		fmt.Fprintf(&b, "%s\n", n.Text)
		for _, at := range n.At {
			fmt.Fprintf(&b, "  %s\n", at)
		}
		if n.Hint != "" {
			fmt.Fprintf(&b, "  %s\n", n.Hint)
		}
	}
	if b.Len() > 0 {
		out = append(out, txtar.File{Name: "notes", Data: b.Bytes()})
	}
	return out
}

func indented(t *testing.T, v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func compare(t *testing.T, want, got []txtar.File) {
	for i := range max(len(want), len(got)) {
		var w, g txtar.File
		if i < len(want) {
			w = want[i]
		}
		if i < len(got) {
			g = got[i]
		}
		if w.Name != g.Name || !bytes.Equal(w.Data, g.Data) {
			t.Errorf("want %s\n%s\ngot %s\n%s", w.Name, w.Data, g.Name, g.Data)
		}
	}
}

// TestIndex compares index.json, by which the program knows its providers, with the providers.
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

// TestStockCUE gives the facts of every case to the cue command, which knows nothing of this program: the
// provider's own files and the answers are all that a plan depends on.
func TestStockCUE(t *testing.T) {
	cue := filepath.Join(t.TempDir(), "cue")
	if out, err := exec.Command("go", "build", "-o", cue, "cuelang.org/go/cmd/cue").CombinedOutput(); err != nil {
		t.Fatalf("cannot build the cue command: %v\n%s", err, out)
	}
	eachCase(t, func(t *testing.T, c *catalog.Catalog, p *catalog.Provider, _ string, _ []txtar.File, in input) {
		a, err := app.Open(in.dir)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		e, err := c.Request(a, catalog.Env{Packages: in.packages, Variables: in.env, Arch: in.arch}).Evaluate(p.Name)
		if err != nil {
			return // what is refused has no plan
		}
		facts := filepath.Join(t.TempDir(), "facts.json")
		if err := os.WriteFile(facts, indented(t, e.Facts), 0o644); err != nil {
			t.Fatal(err)
		}
		// From the repository's root, as the documentation says it.
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

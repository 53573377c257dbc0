package catalog

import (
	"bytes"
	"encoding/json"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/nixpacks-cue/nixpacks/engine/app"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

var update = flag.Bool("update", false, "rewrite the results in testdata")

// TestCases loads the providers below providers/ of each case and evaluates the first one for the files below
// app/. The result section holds the facts, the plan and the position of the plan's start command, or the errors.
func TestCases(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := evaluateCase(t, ar)
			if *update {
				ar.Files = append(drop(ar.Files, "result"), txtar.File{Name: "result", Data: got})
				if err := os.WriteFile(file, txtar.Format(ar), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if want := section(ar, "result"); !bytes.Equal(got, want) {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

func evaluateCase(t *testing.T, ar *txtar.Archive) []byte {
	var b bytes.Buffer
	fsys, err := txtar.FS(ar)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := fs.Sub(fsys, "providers")
	if err != nil {
		t.Fatal(err)
	}
	c, err := Load(dir, "providers")
	if err != nil {
		fault.Print(&b, err, false)
		return b.Bytes()
	}
	e, err := c.Request(openCase(t, ar), Env{
		Packages:  strings.TrimSpace(string(section(ar, "packages"))),
		Variables: map[string]string{"NIXPACKS_PRINT": "yes"},
	}).Evaluate(c.Names()[0])
	if err != nil {
		fault.Print(&b, err, false)
		return b.Bytes()
	}
	for _, v := range []any{e.Facts, e.Plan, e.Notes, e.Versions, e.Metadata, e.Line("start", "cmd").String()} {
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(v); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

func openCase(t *testing.T, ar *txtar.Archive) *app.App {
	dir := t.TempDir()
	for _, f := range ar.Files {
		if name, ok := strings.CutPrefix(f.Name, "app/"); ok {
			path := filepath.Join(dir, filepath.FromSlash(name))
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, f.Data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	a, err := app.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

func section(ar *txtar.Archive, name string) []byte {
	for _, f := range ar.Files {
		if f.Name == name {
			return f.Data
		}
	}
	return nil
}

func drop(files []txtar.File, name string) []txtar.File {
	var out []txtar.File
	for _, f := range files {
		if f.Name != name {
			out = append(out, f)
		}
	}
	return out
}

package detect

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/nixpacks-cue/nixpacks/engine/app"
	"github.com/nixpacks-cue/nixpacks/engine/catalog"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// rules are the detect fields of providers, in order.
var rules = []struct{ name, detect string }{
	{"both", `all: [{file: "package.yaml"}, {glob: "**/*.hs"}]`},
	{"either", `any: [{file: "deno.json"}, {grep: "from \"https://deno", in: "**/*.{ts,js}"}]`},
	{"nested", `any: [{all: [{file: "a"}, {dir: "b"}]}, {dir: "c"}]`},
	{"inside", `all: [{file: "Cargo.toml"}, {any: [{file: "x"}, {grep: "runner", in: ".cargo/config.toml"}]}]`},
	{"never", `any: []`},
	{"rust", `any: [{file: "Cargo.toml"}]`},
}

func load(t *testing.T) *catalog.Catalog {
	files := fstest.MapFS{}
	order := ""
	for _, r := range rules {
		files[r.name+"/p.cue"] = &fstest.MapFile{Data: []byte("package p\nname: \"" + r.name + "\"\nplan: {}\ndetect: " + r.detect)}
		order += `"` + r.name + `",`
	}
	files["order.cue"] = &fstest.MapFile{Data: []byte("package all\norder: [" + order + "]")}
	c, err := catalog.Load(files, "providers")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestDetect(t *testing.T) {
	c := load(t)
	for _, tc := range []struct{ files, want string }{
		{"", ""},
		{"README", ""},
		{"package.yaml", ""},
		{"package.yaml src/Main.hs", "both"},
		{"deno.json", "either"},
		{"main.ts=import x from \"https://deno.land/x\"", "either"},
		{"main.ts=import x from \"./x\"", ""},
		{"a", ""},
		{"a b/x", "nested"},
		{"a b", ""},
		{"c/x", "nested"},
		{"Cargo.toml", "rust"},
		{"Cargo.toml x", "inside"},
		{"Cargo.toml .cargo/config.toml=runner", "inside"},
		{"Cargo.toml .cargo/config.toml=", "rust"},
		{"Cargo.toml deno.json", "either"},
	} {
		a := open(t, tc.files)
		got, err := Detect(a, c, nil)
		want := strings.Fields(tc.want)
		if err != nil || got == nil || !slices.Equal(got, want) {
			t.Errorf("%q: %q %v, want %q", tc.files, got, err, want)
		}
	}
}

// An unreadable file that a rule searches stops detection, because its content is unknown.
func TestDetectUnreadable(t *testing.T) {
	a := open(t, "main.ts")
	if err := os.Remove(filepath.Join(a.Dir(), "main.ts")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(a.Dir(), "package.js")); err != nil {
		t.Fatal(err)
	}
	if got, err := Detect(a, load(t), nil); err != nil || len(got) != 0 {
		t.Errorf("a link out of the app: %q %v", got, err)
	}
	large, err := os.Create(filepath.Join(a.Dir(), "large.js"))
	if err != nil {
		t.Fatal(err)
	}
	defer large.Close()
	if err := large.Truncate(app.MaxFile + 1); err != nil {
		t.Fatal(err)
	}
	again, err := app.Open(a.Dir())
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if _, err := Detect(again, load(t), nil); fault.CodeOf(err) != fault.Refused {
		t.Errorf("a file too large to be searched: %v", err)
	}
}

// open creates an app from files, each NAME or NAME=TEXT. Only the text of the last file may contain spaces.
func open(t *testing.T, files string) *app.App {
	dir := t.TempDir()
	for files != "" {
		name, rest, _ := strings.Cut(files, " ")
		text := ""
		if n, t, ok := strings.Cut(files, "="); ok && !strings.Contains(n, " ") {
			name, text, rest = n, t, ""
		}
		files = rest
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	a, err := app.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

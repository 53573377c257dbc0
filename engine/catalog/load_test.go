package catalog

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"cuelang.org/go/cue/ast"

	"github.com/nixpacks-cue/nixpacks/engine/app"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/schema"
)

// folders returns a directory of providers, from a map of file name to text.
func folders(files map[string]string) fstest.MapFS {
	out := fstest.MapFS{}
	for name, text := range files {
		out[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return out
}

func provider(name string) string {
	return "package p\nname: \"" + name + "\"\ndetect: any: [{file: \"x\"}]\nplan: {}\n"
}

func TestLoad(t *testing.T) {
	c, err := Load(folders(map[string]string{
		"order.cue": "package all\norder: [\"zig\", \"csharp\"]\n",
		"zig/a.cue": provider("zig"), "csharp/a.cue": provider("c#"), "ada/a.cue": provider("ada"), "notes/readme.txt": "", "top.txt": "",
		"ada/testdata/b.cue": "package other",
	}), "x")
	if err != nil || strings.Join(c.Names(), " ") != "zig c# ada" {
		t.Fatalf("%v %v", c, err)
	}
	if p, ok := c.Get("c#"); !ok || p.Folder != "csharp" {
		t.Errorf("c#: %v %v", p, ok)
	}
	more, err := Load(folders(map[string]string{"zig2/a.cue": provider("zig"), "new/a.cue": provider("new")}), "y")
	if err != nil {
		t.Fatal(err)
	}
	both := c.With(more)
	if got := strings.Join(both.Names(), " "); got != "new zig c# ada" {
		t.Errorf("with others: %s", got)
	}
	if p, _ := both.Get("zig"); p.Folder != "zig2" {
		t.Errorf("zig is still the one in %s", p.Folder)
	}
}

func TestLoadRefuses(t *testing.T) {
	for want, files := range map[string]map[string]string{
		`folders a and b both contain a provider called "x"`:                {"a/a.cue": provider("x"), "b/a.cue": provider("x")},
		`x: order lists "nope", but there is no such folder`:                {"order.cue": "package all\norder: [\"nope\"]\n", "a/a.cue": provider("x")},
		"a provider needs a name that is a string literal":                  {"a/a.cue": "package a\nplan: {}\n"},
		"provider x: detect must be literal data":                           {"a/a.cue": "package a\nname: \"x\"\n"},
		"provider x: detect: write any: [...] or all: [...]":                {"a/a.cue": "package a\nname: \"x\"\ndetect: {file: \"x\"}\n"},
		"this is a provider, not a folder of providers":                     {"a.cue": provider("x")},
		"order of providers: conflicting values \"a\" and [...]":            {"order.cue": "package all\norder: \"a\" & [...]\n"},
		"the files of a provider must be in one package":                    {"a/a.cue": provider("x"), "a/b.cue": "package b\n"},
		"the files of a provider must be in one package ":                   {"a/a.cue": "name: \"x\"\ndetect: any: [{file: \"x\"}]\nplan: {}\n"},
		"provider x: detect: any must be the only field and a list of ques": {"a/a.cue": "package a\nname: \"x\"\ndetect: {all: [], any: []}\nplan: {}\n"},
		"provider x: detect: all must be the only field and a list of ques": {"a/a.cue": "package a\nname: \"x\"\ndetect: all: []\nplan: {}\n"},
	} {
		c, err := Load(folders(files), "x")
		if err == nil { // found only during evaluation
			_, err = evaluateFirst(t, c)
		}
		if err == nil || !strings.HasPrefix(fault.All(err)[0].Msg, strings.TrimSpace(want)) {
			t.Errorf("%v\nwant %s", err, want)
		}
		if code := fault.CodeOf(err); code != fault.Refused && code != fault.Usage {
			t.Errorf("%v has code %d", err, code)
		}
	}
}

func evaluateFirst(t *testing.T, c *Catalog) (*Evaluation, error) {
	a, err := app.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	return c.Request(a, Env{}).Evaluate(c.Names()[0])
}

// TestIndexed checks that a catalog loaded from its index behaves like the one that the index was written from.
func TestIndexed(t *testing.T) {
	dir := folders(map[string]string{"a/a.cue": "package a\nname: \"x\"\ndetect: all: [{glob: \"*.x\", depth: 2}, {any: [{file: \"y\"}]}]\nplan: start: cmd: \"x\"\n"})
	c, err := Load(dir, "providers")
	if err != nil {
		t.Fatal(err)
	}
	data, err := c.Index()
	if err != nil {
		t.Fatal(err)
	}
	dir[IndexFile] = &fstest.MapFile{Data: data}
	if c, err = loadIndexed(dir, "providers"); err != nil {
		t.Fatal(err)
	}
	again, err := c.Index()
	if err != nil || string(again) != string(data) {
		t.Errorf("the index changed from\n%s\nto\n%s\n%v", data, again, err)
	}
	e, err := evaluateFirst(t, c)
	if err != nil || e.Plan.Start.Cmd != "x" || e.Line("start", "cmd").String() != "providers/a/a.cue:4:14" {
		t.Errorf("%+v %v, set at %v", e.Plan, err, e.Line("start", "cmd"))
	}
}

// BenchmarkEvaluate plans small apps, as `nixpacks plan` does once per process.
func BenchmarkEvaluate(b *testing.B) {
	for provider, dir := range map[string]string{"go": "../../examples/go-http", "node": "../../examples/node-express"} {
		b.Run(provider, func(b *testing.B) {
			for b.Loop() {
				c, err := loadBuiltin()
				if err != nil {
					b.Fatal(err)
				}
				a, err := app.Open(dir)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := c.Request(a, Env{}).Evaluate(provider); err != nil {
					b.Fatal(err)
				}
				a.Close()
			}
		})
	}
}

// TestTopFields checks that the field names checked on the syntax are those of the schema.
func TestTopFields(t *testing.T) {
	from, err := ReadSources(schema.FS, ".", "schema")
	if err != nil {
		t.Fatal(err)
	}
	s, err := parseSources(from, false)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, d := range s.top["#Provider"][0].Value.(*ast.StructLit).Elts {
		_, name, _ := factField(&ast.Field{Label: d.(*ast.Field).Label})
		want = append(want, name)
	}
	if !slices.Equal(topFields, want) {
		t.Errorf("topFields are %q, those of #Provider %q", topFields, want)
	}
}

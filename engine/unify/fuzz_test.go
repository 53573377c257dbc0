package unify

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"
	"golang.org/x/tools/txtar"

	"github.com/nixpacks-cue/nixpacks/engine/app"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// seeds adds every configuration in the cases with this extension to the corpus.
func seeds(f *testing.F, ext string) {
	f.Helper()
	files, _ := filepath.Glob("testdata/*/*.txtar")
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, s := range a.Files {
			if strings.HasSuffix(s.Name, ext) {
				f.Add(string(s.Data))
			}
		}
	}
}

// The parser with positions returns the same values as the TOML library.
func FuzzTOML(f *testing.F) {
	seeds(f, ".toml")
	for _, s := range []string{"a.b.\"c d\" = 1", "[[a]]\nb = 1\n[[a]]\nc = {d = [1, 'x', [true]]}\n[a.e]\nf = 2", "[a.b]\n[a]\nc=1", "\"\" = ''"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, err := parseTOML([]byte(text), "f.toml")
		if err != nil {
			refused(t, err)
			return
		}
		var want map[string]any
		if err := toml.Unmarshal([]byte(text), &want); err != nil {
			t.Fatal(err)
		}
		same(t, n, any(want), "")
		if _, err := plan.Read(n, []byte(text)); err != nil {
			refused(t, err)
		}
	})
}

func refused(t *testing.T, err error) {
	t.Helper()
	for _, f := range fault.All(err) {
		if f.Code != fault.Refused && f.Code != fault.Usage {
			t.Fatalf("code %d: %v", f.Code, err)
		}
	}
}

func same(t *testing.T, n *plan.Node, want any, at string) {
	t.Helper()
	switch w := want.(type) {
	case map[string]any:
		if n.Kind != plan.Map || len(n.Fields) != len(w) {
			t.Fatalf("%s: %v with %d fields, want a map with %d", at, n.Kind, len(n.Fields), len(w))
		}
		for _, f := range n.Fields {
			same(t, f.Value, w[f.Name], at+"."+f.Name)
		}
	case []any:
		if n.Kind != plan.List || len(n.Items) != len(w) {
			t.Fatalf("%s: %v with %d items, want a list of %d", at, n.Kind, len(n.Items), len(w))
		}
		for i, item := range n.Items {
			same(t, item, w[i], at+"[]")
		}
	case string:
		if n.Kind != plan.String || n.Text != w {
			t.Fatalf("%s: %v %q, want %q", at, n.Kind, n.Text, w)
		}
	case bool:
		if n.Kind != plan.Bool {
			t.Fatalf("%s: %v, want %v", at, n.Kind, w)
		}
	default:
		if n.Kind != plan.Number {
			t.Fatalf("%s: %v, want %v", at, n.Kind, w)
		}
	}
	if n.Pos.File != "f.toml" || n.Pos.Line < 1 && at != "" {
		t.Fatalf("%s has no place", at)
	}
}

func FuzzProcfile(f *testing.F) {
	seeds(f, "Procfile")
	f.Add("a: |\n  b\n  c\n")
	f.Add("web: &x a\nworker: *x\n")
	f.Fuzz(func(t *testing.T, text string) {
		l, err := procfile(text)
		if err != nil {
			refused(t, err)
			return
		}
		for _, leaf := range l.plan.Leaves() {
			if at, ok := l.at(leaf.Path); ok && (at.Line < 1 || at.Col < 1) {
				t.Errorf("%v is at %v", leaf.Path, at)
			}
		}
	})
}

// Any text as a configuration is either planned or refused, and planning is deterministic.
func FuzzConfigJSON(f *testing.F) {
	seeds(f, ".json")
	f.Fuzz(func(t *testing.T, text string) { planned(t, "nixpacks.json", text) })
}

func FuzzConfigCUE(f *testing.F) {
	seeds(f, ".cue")
	f.Fuzz(func(t *testing.T, text string) { planned(t, "nixpacks.cue", text) })
}

func planned(t *testing.T, name, text string) {
	t.Helper()
	c := &testCase{dir: t.TempDir()}
	c.write(t, "web.txt", "web")
	c.write(t, name, text)
	a, err := app.Open(c.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	cat := testCatalog(t)
	one, err1 := Plan(a, cat, Options{})
	two, err2 := Plan(a, cat, Options{})
	if err1 != nil {
		refused(t, err1)
		if err2 == nil || err1.Error() != err2.Error() {
			t.Fatalf("first %v, then %v", err1, err2)
		}
		return
	}
	if err2 != nil || !reflect.DeepEqual(one.Plan, two.Plan) {
		t.Fatalf("first %s, then %s, %v", one.Plan.JSON(), two.Plan.JSON(), err2)
	}
	if _, err := plan.Decode(one.Plan.JSON(), "plan.json"); err != nil {
		t.Fatalf("%s is no plan: %v", one.Plan.JSON(), err)
	}
}

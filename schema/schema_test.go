package schema_test

import (
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/cuecontext"
	"cuelang.org/go/cue/errors"
	"golang.org/x/tools/txtar"

	"github.com/nixpacks-cue/nixpacks/engine/plan"
	"github.com/nixpacks-cue/nixpacks/schema"
)

var update = flag.Bool("update", false, "rewrite the errors in testdata/reject")

// load evaluates the module's files as one.
func load(t *testing.T) cue.Value {
	t.Helper()
	files, err := fs.Glob(schema.FS, "*.cue")
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, name := range files {
		text, err := schema.FS.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all.WriteString(strings.Replace(string(text), "package schema\n", "\n", 1))
	}
	v := cuecontext.New().CompileString(all.String(), cue.Filename("schema"))
	if err := v.Err(); err != nil {
		t.Fatal(errors.Details(err, nil))
	}
	return v
}

// check validates the archive's first file against the definition that it is named after (Plan.cue),
// and returns CUE's messages without positions in the schema.
func check(t *testing.T, s cue.Value, a *txtar.Archive) string {
	t.Helper()
	f := a.Files[0]
	def := s.LookupPath(cue.ParsePath("#" + strings.TrimSuffix(f.Name, ".cue")))
	if !def.Exists() {
		t.Fatalf("no definition for %s", f.Name)
	}
	v := cuecontext.New().CompileBytes(f.Data, cue.Filename(f.Name))
	if v.Err() != nil {
		t.Fatal(errors.Details(v.Err(), nil))
	}
	err := def.Unify(v).Validate(cue.Concrete(true))
	if err == nil {
		return ""
	}
	var b strings.Builder
	for line := range strings.Lines(errors.Details(err, nil)) {
		if !strings.HasPrefix(line, "    schema:") {
			b.WriteString(line)
		}
	}
	return b.String()
}

func TestAccept(t *testing.T) {
	s := load(t)
	for _, file := range cases(t, "accept") {
		a, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got := check(t, s, a); got != "" {
			t.Errorf("%s is refused:\n%s", file, got)
		}
	}
}

func TestReject(t *testing.T) {
	s := load(t)
	for _, file := range cases(t, "reject") {
		a, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		got := check(t, s, a)
		if *update {
			a.Files = append(a.Files[:1], txtar.File{Name: "error", Data: []byte(got)})
			if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if want := string(a.Files[1].Data); got != want || got == "" {
			t.Errorf("%s:\n%s\nwant:\n%s", file, got, want)
		}
	}
}

func cases(t *testing.T, folder string) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/" + folder + "/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases in %s", folder)
	}
	return files
}

// The module's path is the one declared in its file.
func TestModule(t *testing.T) {
	text, err := schema.FS.ReadFile("cue.mod/module.cue")
	if err != nil || !strings.Contains(string(text), `module: "`+schema.Module+`"`) {
		t.Errorf("%s %v", text, err)
	}
}

// The schema and the Go types have the same fields with the same kinds.
func TestSchemaIsThePlan(t *testing.T) {
	s := load(t)
	for def, path := range map[string][]string{"#Plan": nil, "#Phase": {"phases", "x"}, "#Start": {"start"}} {
		shape, _ := plan.ShapeAt(path...)
		var names []string
		it, err := s.LookupPath(cue.ParsePath(def)).Fields(cue.Optional(true))
		if err != nil {
			t.Fatal(err)
		}
		for it.Next() {
			name := strings.TrimSuffix(it.Selector().Unquoted(), "?")
			names = append(names, name)
			field, ok := plan.ShapeAt(append(path[:len(path):len(path)], name)...)
			kind := map[plan.Kind]cue.Kind{plan.String: cue.StringKind, plan.List: cue.ListKind, plan.Map: cue.StructKind}[field.Kind]
			if !ok || it.Value().IncompleteKind() != kind {
				t.Errorf("%s.%s is %v in the schema, %q in Go", def, name, it.Value().IncompleteKind(), field.Words)
			}
			if len(it.Value().Doc()) == 0 {
				t.Errorf("%s.%s has no comment: an editor has nothing to show", def, name)
			}
		}
		if !reflect.DeepEqual(names, shape.Names) {
			t.Errorf("%s has %q, Go has %q", def, names, shape.Names)
		}
	}
}

// The schema and the decoder agree on names.
func TestNames(t *testing.T) {
	s := load(t)
	for _, name := range []string{"", "A", "a-b.c", "py:x", "a b", "a\u00a0b", "a\tb", "a=b", "a\x7f", "ä", "1", "a/b"} {
		for field, wrap := range map[string]string{"variables": "x", "staticAssets": "x", "phases": ""} {
			p := &plan.Plan{}
			if wrap == "" {
				p.Phases = map[string]*plan.Phase{name: {}}
			} else {
				p.Set(plan.Leaf{Path: []string{field, name}, Value: wrap})
			}
			_, goErr := plan.Decode(p.JSON(), "plan.json")
			v := cuecontext.New().CompileBytes(p.JSON())
			cueErr := s.LookupPath(cue.ParsePath("#Plan")).Unify(v).Validate(cue.Concrete(true))
			if (goErr == nil) != (cueErr == nil) {
				t.Errorf("%s %q: decoder says %v, schema says %v", field, name, goErr, cueErr)
			}
		}
	}
}

package migrate

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/nixpacks-cue/nixpacks/engine/app"
	"github.com/nixpacks-cue/nixpacks/engine/catalog"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/unify"
)

// All names of other programs map to existing providers and variables.
func TestElsewhere(t *testing.T) {
	e, err := catalog.ReadElsewhere()
	if err != nil {
		t.Fatal(err)
	}
	cat, err := catalog.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	if len(e.Railpack) < 10 || len(e.Packages) < 10 || len(e.Buildpacks) < 5 {
		t.Errorf("%+v", e)
	}
	for _, names := range []map[string]string{e.Railpack, e.Buildpacks} {
		for other, name := range names {
			if _, ok := cat.Get(name); !ok {
				t.Errorf("%s: there is no provider %s", other, name)
			}
		}
	}
	for other, variable := range e.Packages {
		if !slices.Contains(settable(t), variable) {
			t.Errorf("%s: no provider asks for %s", other, variable)
		}
	}
}

// The replacements of Railpack's variables in docs/from-railpack.md are in the tables of docs/configuration.md.
func TestVariablesOfDocs(t *testing.T) {
	var docs [2]string
	for i, name := range []string{"from-railpack.md", "configuration.md"} {
		text, err := os.ReadFile("../../docs/" + name)
		if err != nil {
			t.Fatal(err)
		}
		docs[i] = string(text)
	}
	found := regexp.MustCompile(`NIXPACKS_\w+`).FindAllString(docs[0], -1)
	for short := range strings.SplitSeq("NODE PYTHON RUBY RUST JDK GRADLE ELIXIR", " ") { // one table row with "…"
		if !strings.Contains(docs[0], short+"_VERSION`") {
			t.Errorf("%s_VERSION", short)
		}
		found = append(found, "NIXPACKS_"+short+"_VERSION")
	}
	if len(found) < 25 {
		t.Errorf("%d variables are named", len(found))
	}
	for _, name := range found {
		if !strings.Contains(docs[1], "| `"+name+"` |") {
			t.Errorf("nothing is said of %s", name)
		}
	}
}

// settable returns the variables that providers ask for.
func settable(t *testing.T) (out []string) {
	t.Helper()
	cat, err := catalog.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range cat.Names() {
		p, _ := cat.Get(name)
		out = append(out, p.Variables()...)
	}
	return out
}

func TestBuildpackName(t *testing.T) {
	for url, want := range map[string]string{
		"heroku/nodejs": "nodejs", "heroku/nodejs@v12": "nodejs", "urn:buildpack:heroku/go": "go",
		"https://github.com/heroku/heroku-buildpack-ruby": "ruby", "https://github.com/heroku/heroku-buildpack-ruby.git#v1": "ruby",
		"https://buildpack-registry.s3.amazonaws.com/buildpacks/heroku-community/apt.tgz": "",
	} {
		got := ""
		if m := buildpackName().FindStringSubmatch(url); m != nil {
			got = m[1]
		}
		if got != want {
			t.Errorf("%s: %q, want %q", url, got, want)
		}
	}
}

// A value of any kind anywhere in a file gives a nixpacks.cue or a fault of the user's.
func TestAnyKind(t *testing.T) {
	cat, err := catalog.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		railpackFile: `{"provider": "x", "packages": {"node": "22"}, "buildAptPackages": ["git"], "caches": {"a": {"directory": "/a", "type": "locked"}},
			"secrets": ["S"], "exclude": ["!a", "b", "!c"], "steps": {"install": {"inputs": ["$x", {"step": "packages:mise", "include": ["."]}, {"image": "i"}],
			"commands": [{"path": "/x"}, {"src": "a", "dest": "a"}, {"cmd": "b", "customName": "c"}, {"path": "/f", "name": "g", "mode": 384}, "COPY:a b"],
			"assets": {"g": "x"}, "secrets": ["*"], "variables": {"A": "1"}, "caches": ["a"], "deployOutputs": [{"include": ["."]}]}},
			"deploy": {"base": {"image": "x"}, "startCommand": "s", "aptPackages": ["..."], "variables": {"L": "C"}, "paths": ["/z"], "inputs": [{"local": true}]}}`,
		appFile: `{"env": {"A": "1", "B": {"value": 2, "description": "x\ny"}, "C": {"generator": "secret"}}, "buildpacks": [{"url": "x/y"}, "z"],
			"scripts": {"x": "y"}}`,
		jsonFile: `{"providers": [], "buildImage": "a", "variables": {"A": "1"}, "phases": {"build": {"cmds": ["x"], "variables": {"B": "2"}, "ssh": ""}}, "start": {"cmd": "y"}}`,
	} {
		var whole any
		if err := json.Unmarshal([]byte(text), &whole); err != nil {
			t.Fatal(err)
		}
		tried := 0
		others(whole, func() {
			changed, _ := json.Marshal(whole)
			tried++
			if _, err := moved(t, cat, name, changed); fault.CodeOf(err) == fault.Bug {
				t.Errorf("%s: %v", changed, err)
			}
		})
		if tried < 40 {
			t.Errorf("%s: %d kinds were tried", name, tried)
		}
	}
}

// others calls each with values of other kinds in place of every value below v in turn.
func others(v any, each func()) {
	in := func(old any, set func(any)) {
		for _, other := range []any{nil, 7, "text", []any{}, map[string]any{"k": true}} {
			set(other)
			each()
		}
		set(old)
		others(old, each)
	}
	switch v := v.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			in(v[k], func(x any) { v[k] = x })
		}
	case []any:
		for i := range v {
			in(v[i], func(x any) { v[i] = x })
		}
	}
}

// moved migrates an app that has one file and that no provider detects.
func moved(t *testing.T, cat *catalog.Catalog, name string, text []byte) (*Result, error) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := app.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	return Migrate(a, cat, unify.Options{}, name)
}

package facts

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/nixpacks-cue/nixpacks/engine/app"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

func open(t testing.TB, files map[string]string) *app.App {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "shop")
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		mode := os.FileMode(0o644)
		if strings.HasPrefix(text, "#!") {
			mode = 0o755
		}
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
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

var files = map[string]string{
	"package.json":   `{"name": "shop", "n": 1.50, "big": 12345678901234567890, "deps": {"a": "1", "b.c": "2"}}`,
	"sub/pkg.json":   `{"name": "sub", "x": [1]}`,
	"other/pkg.json": `{"name": "other"}`,
	"tsconfig.json":  "{\n  // comment\n  \"extends\": \"./base\", /* more */\n  \"url\": \"http://x\",\n}",
	"Cargo.toml":     "[package]\nname = \"x\"\nwhen = 1979-05-27\nat = 1979-05-27T07:32:00Z\nf = 1.5\ninf = inf\n[[bin]]\nname = \"y\"\n",
	"a.yaml":         "version: 1.10\non: [1, yes]\n3: x\nwhen: 2024-01-02\nbase: &b {k: v}\nuse:\n  <<: *b\n",
	"empty.yaml":     "",
	"null.json":      "null",
	"run.sh":         "#!/bin/sh\n",
	"notes.txt":      "\uFEFFone\r\ntwo = 2\r\nthree = 3\r\n",
	"latin.py":       "# caf\xe9\nimport flask\n",
	"src/b.py":       "import os\n",
	"src/a.py":       "from flask import Flask\nAPP = \"x.wsgi\"\n",
}

func TestResolve(t *testing.T) {
	a := open(t, files)
	env := map[string]string{"PORT": "3000", "NIXPACKS_X": "a\nb", "MULTI": "a\nb", "EMPTY": ""}
	for _, c := range []struct{ question, want string }{
		{`{"file": "package.json"}`, `{"ok":true,"value":"package.json"}`},
		{`{"file": "./package.json"}`, `{"ok":true,"value":"./package.json"}`},
		{`{"file": ["nope", "a.yaml", "package.json"]}`, `{"ok":true,"value":"a.yaml"}`},
		{`{"file": "src"}`, `{"ok":false,"value":""}`},
		{`{"file": ""}`, `{"ok":false,"value":""}`},
		{`{"file": "../shop/package.json"}`, `{"ok":false,"value":""}`},
		{`{"file": "/etc/passwd"}`, `{"ok":false,"value":""}`},
		{`{"dir": "src/"}`, `{"ok":true,"value":"src/"}`},
		{`{"dir": "package.json"}`, `{"ok":false,"value":""}`},
		{`{"exec": "run.sh"}`, `{"ok":true,"value":"run.sh"}`},
		{`{"exec": "notes.txt"}`, `{"ok":false,"value":""}`},
		{`{"text": "notes.txt"}`, `{"list":["notes.txt"],"ok":true,"value":"one\ntwo = 2\nthree = 3\n"}`},
		{`{"text": "nope"}`, `{"list":[],"ok":false,"value":""}`},
		{`{"json": "package.json", "pick": ["n", "big", ["deps", "b.c"], ["deps", "z"], ["name", "z"]]}`,
			`{"ok":true,"value":{"big":12345678901234567890,"deps":{"b.c":"2"},"n":1.50}}`},
		{`{"json": "nope"}`, `{"ok":false,"value":{}}`},
		{`{"json": "null.json"}`, `{"ok":true,"value":{}}`},
		{`{"json": "**/pkg.json", "not": "sub"}`, `{"ok":true,"value":{"other/pkg.json":{"name":"other"}}}`},
		{`{"json": "**/none.json"}`, `{"ok":false,"value":{}}`},
		{`{"jsonc": "tsconfig.json"}`, `{"ok":true,"value":{"extends":"./base","url":"http://x"}}`},
		{`{"toml": "Cargo.toml"}`,
			`{"ok":true,"value":{"bin":[{"name":"y"}],"package":{"at":"1979-05-27T07:32:00Z","f":1.5,"inf":"+Inf","name":"x","when":"1979-05-27"}}}`},
		{`{"yaml": "a.yaml"}`,
			`{"ok":true,"value":{"3":"x","base":{"k":"v"},"on":[1,"yes"],"use":{"k":"v"},"version":1.1,"when":"2024-01-02T00:00:00Z"}}`},
		{`{"yaml": "empty.yaml"}`, `{"ok":true,"value":{}}`},
		{`{"glob": "*.py"}`, `{"list":["latin.py","src/a.py","src/b.py"],"ok":true}`},
		{`{"glob": "*.py", "depth": 1}`, `{"list":["latin.py"],"ok":true}`},
		{`{"glob": ["*.py", "*.sh"], "limit": 2}`, `{"list":["latin.py","run.sh"],"ok":true}`},
		{`{"glob": "*.rb"}`, `{"list":[],"ok":false}`},
		{`{"dirs": "*"}`, `{"list":["other","src","sub"],"ok":true}`},
		{`{"grep": "import flask", "in": ["nope", "**/*.py"]}`, `{"list":["latin.py"],"ok":true}`},
		{`{"grep": "(from|import) fl.sk", "in": "src/a.py"}`, `{"list":["src/a.py"],"ok":true}`},
		{`{"grep": "django", "in": "**/*.py"}`, `{"list":[],"ok":false}`},
		{`{"match": "(\\w+) = (\\d)(x)?", "in": "notes.txt"}`, `{"list":["notes.txt"],"ok":true,"value":["two = 2","two","2",""]}`},
		{`{"match": "(\\w+) = (\\d)", "in": "notes.txt", "all": true}`,
			`{"list":["notes.txt"],"ok":true,"value":[["two = 2","two","2"],["three = 3","three","3"]]}`},
		{`{"match": "import (\\w+)", "in": "**/*.py", "all": true}`,
			`{"list":["latin.py","src/a.py","src/b.py"],"ok":true,"value":[["import flask","flask"],["import Flask","Flask"],["import os","os"]]}`},
		{`{"match": "caf(.)", "in": "latin.py"}`, "{\"list\":[\"latin.py\"],\"ok\":true,\"value\":[\"caf\uFFFD\",\"\uFFFD\"]}"},
		{`{"match": "x", "in": []}`, `{"list":[],"ok":false,"value":[]}`},
		{`{"env": "PORT"}`, `{"ok":true,"value":"3000"}`},
		{`{"env": ["NOPE", "EMPTY", "PORT"]}`, `{"ok":true,"value":""}`},
		{`{"env": "HOME"}`, `{"ok":false,"value":""}`},
		{`{"env": "NIXPACKS_X"}`, `{"ok":true,"value":"ab"}`},
		{`{"env": "MULTI"}`, `{"ok":true,"value":"a\nb"}`},
		{`{"semver": "^18", "of": ["20", "18"]}`, `{"list":["18"],"ok":true,"value":"18"}`},
		{`{"app": "name"}`, `{"ok":true,"value":"shop"}`},
	} {
		answer, err := Resolve(a, env, question(t, c.question))
		if err != nil {
			t.Errorf("%s: %v", c.question, err)
			continue
		}
		got, err := json.Marshal(answer)
		if err != nil || string(got) != c.want {
			t.Errorf("%s\n got %s %v\nwant %s", c.question, got, err, c.want)
		}
	}
}

// question parses a question from JSON. Package catalog parses it from CUE.
func question(t *testing.T, text string) Question {
	t.Helper()
	var fields map[string]any
	if err := json.Unmarshal([]byte(text), &fields); err != nil {
		t.Fatal(text, err)
	}
	q, err := Parse(fields)
	if err != nil {
		t.Fatal(text, err)
	}
	return q
}

func TestRefused(t *testing.T) {
	deep := strings.Repeat("[", 102) + strings.Repeat("]", 102)
	a := open(t, map[string]string{
		"latin.json": "{\n\"a\": \"caf\xe9\"}", "deep.json": deep, "many.json": "[" + strings.Repeat("0,", 50000) + "0]",
		"large.json": `{"a": 1, "b": "` + strings.Repeat("x", MaxValue) + `"}`,
		"bomb.yaml":  "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n",
		"self.yaml":  "a: &a [*a]\n",
		"dup.json":   `{"a": 1, "a": 2}`,
	})
	for _, c := range []struct{ question, want string }{
		{`{"json": "latin.json"}`, `latin.json:2:10: latin.json is not UTF-8 text: byte 0xE9`},
		{`{"text": "latin.json"}`, `latin.json:2:10: latin.json is not UTF-8 text: byte 0xE9`},
		{`{"json": "deep.json"}`, `deep.json: deep.json: nested deeper than 100 levels`},
		{`{"json": "many.json"}`, `many.json: many.json: more than 50000 values in one file`},
		{`{"text": "large.json"}`, `large.json: large.json is larger than 256 KB, the limit for parsed files`},
		{`{"json": "large.json"}`, `large.json: large.json is larger than 256 KB, the limit for parsed files`},
		{`{"yaml": "bomb.yaml"}`, `bomb.yaml: bomb.yaml is not YAML: document contains excessive aliasing`},
		{`{"yaml": "self.yaml"}`, `self.yaml: self.yaml is not YAML: anchor 'a' value contains itself`},
		{`{"glob": "a{b"}`, `pattern "a{b": a { in the pattern is not closed`},
		{`{"grep": "(", "in": "dup.json"}`, "grep: error parsing regexp: missing closing ): `(`"},
	} {
		if _, err := Resolve(a, nil, question(t, c.question)); err == nil || err.Error() != c.want {
			t.Errorf("%s: %v\nwant %s", c.question, err, c.want)
		}
	}
	picked, err := Resolve(a, nil, question(t, `{"json": "large.json", "pick": ["a"]}`))
	if got, _ := json.Marshal(picked); err != nil || string(got) != `{"ok":true,"value":{"a":1}}` {
		t.Errorf("pick from a large file: %s %v", got, err)
	}
}

func TestParse(t *testing.T) {
	for _, c := range []struct {
		fields map[string]any
		want   string
	}{
		{map[string]any{}, "the fact has no kind"},
		{map[string]any{"fil": "x"}, `unknown kind of fact "fil"; did you mean "file"?`},
		{map[string]any{"file": "x", "dir": "y"}, "a fact cannot have both dir and file"},
		{map[string]any{"file": 1}, "file must be a string or a list of strings"},
		{map[string]any{"file": []any{1}}, "file must be a list of strings"},
		{map[string]any{"json": []any{"x"}}, "json must be a string"},
		{map[string]any{"file": "x", "limit": 1}, `unknown field "limit" in a fact of kind file`},
		{map[string]any{"glob": "x", "limit": 0}, "limit must be an integer above 0"},
		{map[string]any{"glob": "x", "limit": 1.5}, "limit must be an integer above 0"},
		{map[string]any{"glob": "x", "depth": "1"}, "depth must be an integer above 0"},
		{map[string]any{"json": "x", "pick": "a"}, "pick must be a list of keys"},
		{map[string]any{"json": "x", "pick": []any{[]any{}}}, "pick must be a list of keys"},
		{map[string]any{"grep": "x"}, "grep needs in"},
		{map[string]any{"match": "x", "in": "y", "all": "z"}, "all must be true or false"},
		{map[string]any{"semver": "x"}, "semver needs of"},
		{map[string]any{"semver": "x", "of": []any{"1"}, "ranges": "pip"}, "ranges must be one of [npm gem]"},
		{map[string]any{"app": "size"}, `app: unknown property "size"`},
		{map[string]any{"machine": "name"}, `machine: unknown property "name"`},
	} {
		if _, err := Parse(c.fields); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%v: %v, want %s", c.fields, err, c.want)
		}
	}
}

// FuzzParsers checks that any file content gives a value of JSON's types or a fault with a position in the file.
func FuzzParsers(f *testing.F) {
	for _, text := range files {
		f.Add(text)
	}
	for _, text := range []string{"\x00", "{", "[1,]", "{\"a\": /* */ 1,}", "a: &a [*a]", "? ? ?", "[a]\n[a.b]\n[a]", "a = 1979-13-41", "1e999", "--- !!binary x", "\"\\ud800\"", "<a><b>x</b><b/></a>", "<a>\n</b>", "<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a := open(t, map[string]string{"f": text})
		for _, kind := range []string{"json", "jsonc", "toml", "yaml", "xml"} {
			var answer Answer
			var err error
			if kind == "xml" {
				answer.Value, answer.OK, err = parseXMLFile(a, "f")
			} else {
				answer, err = Resolve(a, nil, Question{Kind: kind, Args: []string{"f"}})
			}
			if err == nil {
				if _, err := json.Marshal(answer); err != nil || !answer.OK {
					t.Errorf("%s: %v %v", kind, answer, err)
				}
				continue
			}
			one := fault.All(err)[0]
			if strings.Contains(one.Msg, "the parser failed") || one.Code != fault.Refused || len(one.At) != 1 {
				t.Errorf("%s: %v", kind, err)
			}
			if lines := 1 + strings.Count(text, "\n"); one.At[0].Line > lines {
				t.Errorf("%s: %v, and the file has %d lines", kind, err, lines)
			}
		}
	})
}

// TestKindsInSchema checks that the schema, which documents the kinds for provider authors, names all kinds.
func TestKindsInSchema(t *testing.T) {
	data, err := os.ReadFile("../../schema/facts.cue")
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^\t(\w+)!:`).FindAllStringSubmatch(string(data), -1) {
		said[m[1]] = true
	}
	for kind := range kinds {
		if !said[kind] {
			t.Errorf("schema/facts.cue does not know %s", kind)
		}
		delete(said, kind)
	}
	delete(said, "in") // options that some kinds require
	delete(said, "of")
	delete(said, "members")
	delete(said, "manifest")
	if len(said) > 0 {
		t.Errorf("schema/facts.cue knows kinds that do not exist: %v", said)
	}
}

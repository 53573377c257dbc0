package catalog

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/schema"
)

const meets = `package p

import "github.com/nixpacks-cue/nixpacks/schema"

schema.#Provider & {
	name: "p"
	detect: any: [{file: "x"}]
	plan: start: cmd: "x"
}
`

// A provider written for a newer schema than the program's is refused with the position of the version, whether the module
// holds one provider or several. Without an imported schema or a release version there is nothing to compare.
func TestSchemaNewer(t *testing.T) {
	t.Cleanup(func() { schema.Release = "" })
	manifest := func(deps string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte("module: \"example.com/p@v0\"\nlanguage: version: \"v0.17.0\"\n" + deps)}
	}
	dep := func(v string) string { return "deps: \"" + schema.Module + "\": v: \"" + v + "\"\n" }
	for name, c := range map[string]struct {
		release, provider, at, deps, want string
	}{
		"newer":          {"v0.4.0", meets, "p/", dep("v0.5.0"), "provider p is written for the schema of nixpacks v0.5.0, and this is nixpacks v0.4.0"},
		"of the module":  {"0.4.0", meets, "", dep("v0.5.0"), "is written for the schema of nixpacks v0.5.0"},
		"newer by ten":   {"v0.9.0", meets, "p/", dep("v0.10.0"), "is written for"},
		"the same":       {"v0.5.0", meets, "p/", dep("v0.5.0"), ""},
		"older":          {"v0.5.1", meets, "p/", dep("v0.5.0"), ""},
		"another module": {"v0.4.0", meets, "p/", "deps: \"example.com/other@v0\": v: \"v0.5.0\"\n", ""},
		"no deps":        {"v0.4.0", meets, "p/", "", ""},
		"no release":     {"", meets, "p/", dep("v0.5.0"), ""},
		"between":        {"v0.4.0-3-g1234567", meets, "p/", dep("v0.5.0"), "is written for"},
		"after":          {"v0.5.0-3-g1234567", meets, "p/", dep("v0.5.0"), ""},
		"no import":      {"v0.4.0", "package p\nname: \"p\"\ndetect: any: [{file: \"x\"}]\nplan: {}\n", "p/", dep("v0.5.0"), ""},
	} {
		schema.Release = c.release
		_, err := Load(fstest.MapFS{"p/p.cue": {Data: []byte(c.provider)}, c.at + "cue.mod/module.cue": manifest(c.deps)}, "mine")
		if c.want == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || fault.CodeOf(err) != fault.Refused || !strings.Contains(err.Error(), "mine/"+c.at+"cue.mod/module.cue:3:") {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

// Blanking out parts of a file does not move the positions of the rest.
func TestUnwrapped(t *testing.T) {
	for _, text := range []string{
		"package p\nimport \"" + schema.Module + "\"\nschema.#Provider & {x: 1, y: {a: 2}}\nz: 3\n",
		"package p\nimport s \"" + schema.Module + "\"\n{\r\n\tx: 1, y: {\n a: 2}} & s.#Provider\nz: 3",
		"package p\nimport (\n\"" + schemaPath + "\"\n)\n\nschema.#Provider\nx: 1\ny: a: 2\nz: 3",
		"package p\nimport \"" + schemaPath + "\"\nschema.#Provider & // {\n{x: 1 // }\n\ty: a: 2}\nz: \"\\(1)\" | 3\n",
	} {
		p, err := parseFile(Source{"p.cue", []byte(text)}, nil)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		s, err := parseSources([]Source{{"p.cue", []byte(text)}}, true)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		for _, name := range []string{"x", "y", "z"} {
			at := s.at(name)
			line := strings.Split(text, "\n")[at.Line-1]
			if len(s.top[name]) != 1 || !strings.HasPrefix(line[at.Col-1:], name+":") {
				t.Errorf("%q: %s is at %v", text, name, at)
			}
		}
		if len(p.inside) > 0 && len(p.inside) != 2 {
			t.Errorf("%q: %q", text, p.inside)
		}
		if _, err := BuildFiles(NewContext(), s.files); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

package unify

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/build"
	"cuelang.org/go/cue/cuecontext"
	"cuelang.org/go/cue/parser"
	"cuelang.org/go/encoding/jsonschema"
)

// The JSON Schema accepts and refuses the same configurations as this program.
func TestJSONSchema(t *testing.T) {
	raw, err := JSONSchema(true)
	if err != nil {
		t.Fatal(err)
	}
	ctx := cuecontext.New()
	file, err := jsonschema.Extract(ctx.CompileBytes(raw), &jsonschema.Config{Strict: true})
	if err != nil {
		t.Fatal(err)
	}
	says := ctx.BuildFile(file)
	if says.Err() != nil {
		t.Fatal(says.Err())
	}
	check := func(text string) error {
		return says.Unify(ctx.CompileString(text)).Validate(cue.Concrete(true))
	}
	for text, good := range map[string]bool{
		`{}`: true, `{"$schema": "x", "providers": ["...", "python"]}`: true,
		`{"phases": {"setup": {"nixPackages": ["a"], "aptPkgs": ["b"]}}, "start": {"cmd": "x", "ports": ["80/udp"]}}`: true,
		`{"phases": {"setup": {"aptPackage": ["b"]}}}`:                                                                false, `{"phases": {"setup": {"cmds": "b"}}}`: false,
		`{"start": {"ports": ["eighty"]}}`: false, `{"strat": {}}`: false, `{"variables": {"A": 1}}`: false,
		`{"syntax": "x"}`: false, `{"packages": "brew"}`: false,
	} {
		if err := check(text); (err == nil) != good {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// The CUE schema next to a nixpacks.cue accepts and refuses the same files as this program.
func TestCUESchema(t *testing.T) {
	raw, err := CUESchema()
	if err != nil {
		t.Fatal(err)
	}
	example, err := os.ReadFile("../../examples/cue-override/nixpacks.cue")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		string(example):         "",
		`strat: cmd: "x"`:       "nixpacks.cue has no such field",
		`start: cdm: "x"`:       "start has no such field",
		`phases: a: cmd: ["x"]`: "a phase has no such field",
		`phases: a: cmds: "x"`:  "mismatched types",
		`packages: "brew"`:      "empty disjunction",
		`_x: start: strat: "x"`: "",
	} {
		ctx := cuecontext.New()
		var files []*ast.File
		for name, text := range map[string]string{"nixpacks.cue": text, "nixpacks_schema.cue": string(raw)} {
			f, err := parser.ParseFile(name, text)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, f)
		}
		i := &build.Instance{}
		for _, f := range files {
			if err := i.AddSyntax(f); err != nil {
				t.Fatal(err)
			}
		}
		got := fmt.Sprint(ctx.BuildInstance(i).Validate())
		if want == "" && got != "<nil>" || !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %q", text, got, want)
		}
	}
}

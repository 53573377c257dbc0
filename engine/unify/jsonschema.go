package unify

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/cuecontext"
	"cuelang.org/go/encoding/jsonschema"

	"github.com/nixpacks-cue/nixpacks/engine/plan"
	"github.com/nixpacks-cue/nixpacks/schema"
)

// JSONSchema returns the JSON Schema (2020-12) of a plan or of a configuration, generated from the CUE schema. The one of a
// configuration (nixpacks.toml, nixpacks.json) also has Nixpacks' aliases for fields of phases.
func JSONSchema(configuration bool) ([]byte, error) {
	ctx := cuecontext.New()
	text, err := schemaText()
	if err != nil {
		return nil, err
	}
	expr, err := jsonschema.Generate(ctx.CompileString(text).LookupPath(cue.ParsePath("#Plan")), nil)
	if err != nil {
		return nil, fmt.Errorf("the schema: %w", err)
	}
	raw, err := ctx.BuildExpr(expr).MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("the schema: %w", err)
	}
	var doc map[string]any
	if err := json.Unmarshal(raw, &doc); err != nil {
		return nil, err
	}
	top := doc["$defs"].(map[string]any)["Plan"]
	if top == nil {
		top = doc
	}
	more := map[string]string{"$schema": "Names this schema, for editors."}
	if !configuration {
		more = map[string]string{"syntax": "The image of a frontend, for BuildKit.", "cacheKey": "Tells the app's cache directories from another's."}
	}
	properties := top.(map[string]any)["properties"].(map[string]any)
	for name, what := range more {
		properties[name] = map[string]any{"type": "string", "description": what}
	}
	if configuration {
		doc["title"] = "nixpacks.toml and nixpacks.json"
		withAliases(doc["$defs"].(map[string]any)["Phase"].(map[string]any)["properties"].(map[string]any))
	} else {
		doc["title"] = "A plan of nixpacks"
	}
	out, err := json.MarshalIndent(doc, "", "  ")
	return append(out, '\n'), err
}

// withAliases adds the aliases of a phase's fields.
func withAliases(fields map[string]any) {
	for alias, real := range plan.Aliases() {
		field := maps.Clone(fields[real].(map[string]any))
		field["description"] = fmt.Sprintf("Another name of %s: %s", real, field["description"])
		fields[alias] = field
	}
}

// CUESchema returns the schema of nixpacks.cue as a CUE file without a package, to be put next to it. A closed definition
// does not close a file that embeds it, so unknown names are refused by a pattern.
func CUESchema() ([]byte, error) {
	text, err := schemaText()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteString("// What may be said in nixpacks.cue, for the cue command and editors: nixpacks schema --cue writes it.\n\n#Plan\n#base: #Base\n")
	for _, in := range []struct {
		field, what string
		names       []string
	}{
		{"", "nixpacks.cue", plan.FieldNames[plan.Plan]()},
		{"start?: ", "start", plan.FieldNames[plan.Start]()},
		{"phases?: [string]: ", "a phase", plan.FieldNames[plan.Phase]()},
	} {
		fmt.Fprintf(&b, "%s{[!~\"^(%s)$\"]: error(\"%s has no such field\")}\n", in.field, strings.Join(in.names, "|"), in.what)
	}
	b.WriteString("\n// The phases that most plans have, by their names for editors, which complete none that a pattern stands for.\n" +
		"phases?: {setup?: #Phase, install?: #Phase, build?: #Phase}\n")
	b.WriteString(text)
	return b.Bytes(), nil
}

// schemaText returns the schema of plans and configurations as one file without a package clause.
func schemaText() (string, error) {
	var b strings.Builder
	for _, name := range []string{"plan.cue", "config.cue"} {
		text, err := schema.FS.ReadFile(name)
		if err != nil {
			return "", err
		}
		_, body, _ := strings.Cut("\n"+string(text), "\npackage schema\n")
		b.WriteString(body)
	}
	return b.String(), nil
}

package catalog

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nixpacks-cue/nixpacks/engine/app"
)

const resting = `package p

import "strings"

name: "p"
detect: any: [{file: "x"}]
packages: *"nix" | "apt"
facts: {
	pkg: {json: "pkg.json"}
	lock: {file: "a.lock"}
	other: {file: "other.lock"}
	version: {match: "v(\\d+)", in: "text"}
	setting: {env: ["NOT_SET", "SETTING"]}
	range: {semver: facts.pkg.value.engines.node, of: ["1", "2"]}
	tool: {tool: "lua", in: "absent.toml"}
	if facts.lock.ok {inner: {file: "text"}}
	helper: {provider: "helper"}
}
_choice: [
	if facts.other.ok {"other"},
	if facts.lock.ok {"lock"},
	if facts.version.ok {"never looked at"},
	"none",
][0]
_list: [if facts.other.ok {"other"}, for n in [1] {"\(n) \(facts.pkg.value.name)"}, "last"]
_either: facts.lock.ok || facts.version.ok
_neither: facts.other.ok && facts.version.ok
_deep: {
	a: facts.pkg.value.name
	b: facts.version.value[1]
}
_given: {#x: string, out: strings.ToUpper(#x)}
plan: {
	variables: {
		CONST:  "x"
		CHOICE: _choice
		FIRST:  _list[0]
		SECOND: _list[1]
		EITHER: "\(_either)"
		NEITHER: "\(_neither)"
		DEEP:   _deep.b
		SET:    facts.setting.value
		RANGE:  facts.range.value
		INNER:  [if facts.inner.ok {facts.inner.value}, ""][0]
		GIVEN:  (_given & {#x: facts.version.value[0]}).out
		PACKAGES: packages
		SHARED: facts.helper.value.shares.word
		if facts.lock.ok {GUARDED: "y"}
		if facts.other.ok {GUARDED: "z"}
		if facts.version.ok {"NAME_\(facts.version.value[1])": "w"}
	}
	phases: setup: {
		let l = [if facts.lock.ok {"from-let"}]
		aptPkgs: l
		variables: {
			ONE: "1"
			for n, _ in {x: facts.inner.ok} {"ANY_\(n)": "v"}
		}
		cmds: ["true", if facts.tool.ok {facts.tool.value}]
	}
}
`

const helping = `package h
name: "helper"
detect: any: []
facts: {words: {text: "text"}, no: {file: "no"}}
shares: {word: "\(facts.words.ok)", unused: facts.no.ok}
plan: {}
`

// TestRests checks that a value rests on the facts that its expression refers to, without those that had no effect.
func TestRests(t *testing.T) {
	c, err := Load(folders(map[string]string{"p/p.cue": resting, "h/h.cue": helping}), "x")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, text := range map[string]string{"a.lock": "", "text": "one\n  v12\n", "pkg.json": "{\n  \"name\": \"app\",\n  \"engines\": {\"node\": \">=1\"}\n}\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	a, err := app.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	said, err := c.Request(a, Env{Variables: map[string]string{"SETTING": "on"}}).Evaluate("p")
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"variables CONST":            "",
		"variables CHOICE":           "-other.lock a.lock@a.lock",
		"variables FIRST":            "-other.lock pkg.json.name=app@pkg.json:2:11",
		"variables SECOND":           "-other.lock",
		"variables EITHER":           "a.lock@a.lock",
		"variables NEITHER":          "-other.lock",
		"variables DEEP":             "a match in text=v12@text:2:3",
		"variables SET":              "variable NOT_SET or SETTING=on($SETTING)",
		"variables RANGE":            `the newest of 1, 2 that satisfies ">=1"=1 pkg.json.engines.node=>=1@pkg.json:3:23`,
		"variables INNER":            "text@text a.lock@a.lock",
		"variables GIVEN":            "a match in text=v12@text:2:3",
		"variables PACKAGES":         "the package source=nix",
		"variables SHARED":           "helper:text=one\n  v12\n@text",
		"variables GUARDED":          "a.lock@a.lock",
		"variables NAME_12":          "a match in text=v12@text:2:3",
		"phases setup aptPkgs":       "a.lock@a.lock",
		"phases setup cmds":          "-absent.toml",
		"phases setup variables ONE": "text@text a.lock@a.lock", // the loop may yield this name
		"phases setup not_here":      "",
	} {
		rests, err := said.Rests("plan", strings.Fields(path)...)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, b := range rests {
			got = append(got, inShort(b))
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%s rests on\n  %s\nnot on\n  %s", path, s, want)
		}
	}
}

func inShort(b Basis) string {
	s := strings.Join(append([]string{b.Asks}, b.Key...), ".")
	if b.Provider != "p" {
		s = b.Provider + ":" + s
	}
	if !b.Found {
		return "-" + s
	}
	if b.Value != nil {
		s += fmt.Sprintf("=%v", b.Value)
	}
	for _, at := range b.At {
		s += "@" + at.String()
	}
	if b.Variable != "" {
		s += "($" + b.Variable + ")"
	}
	return s
}

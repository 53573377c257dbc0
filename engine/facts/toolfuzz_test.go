package facts

import (
	"strings"
	"testing"
)

// A version is a word of the file, is deterministic, and never refers to a system version.
func FuzzTool(f *testing.F) {
	for _, s := range []string{"nodejs 22.1.0\n", "node system\nnode lts/iron # x", "[tools]\nnode = \"22\"", "[tools]\nnode = [\"22\", \"20\"]", "[tools.node]\nversion = \"prefix:22\"",
		"[tools]\nnode = 22", "node path:/x ref:abc 1", "node\t1\r\nnode 2", "[tools]\nnode = {version = {version = \"1\"}}", "[tools]\nnode = \"{{ env }}\""} {
		f.Add(s, true)
		f.Add(s, false)
	}
	f.Fuzz(func(t *testing.T, text string, toml bool) {
		file := ".tool-versions"
		if toml {
			file = "mise.toml"
		}
		v := toolVersion(file, text, "node")
		if v != toolVersion(file, text, "node") {
			t.Errorf("%q: once %q, then another", text, v)
		}
		if v == "system" || strings.Contains(v, "{{") {
			t.Errorf("%q: %q is no version", text, v)
		}
		if !toml && strings.ContainsAny(v, " \t\n") {
			t.Errorf("%q: %q is no word", text, v)
		}
		lineOf(text, "node", v)
	})
}

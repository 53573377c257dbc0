package facts

import (
	"strings"
	"testing"
)

// TestTool covers the syntax that version managers accept, including entries that name no version.
func TestTool(t *testing.T) {
	for _, c := range []struct{ file, text, want, line string }{
		{".tool-versions", "# comment\nruby 3.3.1\nnodejs\t22.1.0 20 # both\n", "22.1.0", "nodejs\t22.1.0 20 # both"},
		{".tool-versions", "nodejs 20\nnodejs 22\n", "22", "nodejs 22"},
		{".tool-versions", "node 22\r\n", "22", "node 22"},
		{".tool-versions", "nodejs system 20\n", "20", "nodejs system 20"},
		{".tool-versions", "nodejs ref:v22\nnodejs-extra 1\n", "", ""},
		{".tool-versions", "nodejs # 22\n", "", ""},
		{".tool-versions", "#nodejs 22\n nodejs lts/iron\n", "lts/iron", "nodejs lts/iron"},
		{"mise.toml", "[tools]\nnode = \"22\" # why\n", "22", "node = \"22\" # why"},
		{"mise.toml", "[tools]\nnode = '22'\n", "22", "node = '22'"},
		{"mise.toml", "[tools]\nnode = 22\n", "22", "node = 22"},
		{"mise.toml", "[tools]\nnode = [\"22\", \"20\"]\n", "22", `node = ["22", "20"]`},
		{"mise.toml", "[tools]\nnode = { version = \"22\", postinstall = \"x\" }\n", "22", `node = { version = "22", postinstall = "x" }`},
		{"mise.toml", "[tools]\nnode = [{version = \"22\"}]\n", "22", `node = [{version = "22"}]`},
		{"mise.toml", "[tools.node]\nversion = \"prefix:22\"\n", "22", "22"},
		{"mise.toml", "tools.\"nodejs\" = \"22\"\n", "22", `tools."nodejs" = "22"`},
		{"mise.toml", "[env]\nnode = \"22\"\n", "", ""},
		{"mise.toml", "node = \"22\"\n", "", ""},
		{"mise.toml", "[tools]\nnode = \"{{ env.NODE }}\"\n", "", ""},
		{"mise.toml", "[tools]\nnode = \"path:/opt/node\"\n", "", ""},
		{"mise.toml", "[tools]\nnode = 3.10\n", "", ""},
		{"mise.toml", "[tools\nnode = \"22\"\n", "", ""},
	} {
		a := open(t, map[string]string{c.file: c.text})
		got, err := Resolve(a, nil, Question{Kind: "tool", Args: []string{"node", "nodejs"}, In: []string{"none", c.file}})
		if err != nil || got.Value != c.want || got.OK != (c.want != "") {
			t.Errorf("%q: %v %v", c.text, got, err)
			continue
		}
		if list := strings.Join(got.List, "|"); got.OK && list != c.file+"|"+c.line {
			t.Errorf("%q: list %q", c.text, list)
		}
	}
}

package facts

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/nixpacks-cue/nixpacks/engine/app"
)

// The workspace questions of two ecosystems.
const (
	npmWorkspace = `"workspace": ["ws.yaml", "ws.json"], "members": ["packages", ["in", "packages"]], "manifest": "m.json", "name": ["name"], "needs": ["deps", ["target", "*", "deps"]], "not": "vendor"`
	xmlWorkspace = `"workspace": "ws.xml", "members": [["ws", "m"], ["p", "ms", "m"]], "manifest": "m.xml", "name": [["p", "n"]], "needs": [["p", "d", "x", "n"]]`
)

// workspaceCases are repositories with the expected answer for the app in dir.
var workspaceCases = map[string]struct {
	ask, dir string
	files    string // one NAME: TEXT per line
	want     string // root up file dir name | needs | others
}{
	"patterns, and those behind !": {ask: npmWorkspace, dir: "apps/web",
		files: `ws.yaml: packages: ["apps/*", "libs/**", "!libs/old"]
apps/web/m.json: {"name": "web", "deps": {"b": "1", "x": "1"}}
libs/a/m.json: {"name": "a"}
libs/x/b/m.json: {"name": "b", "target": {"linux": {"deps": ["a"]}}}
libs/old/m.json: {"name": "x"}
libs/vendor/m.json: {"name": "x"}
apps/deep/er/m.json: {"name": "x"}
apps/admin/m.json: {"name": "admin", "deps": ["web"]}`,
		want: ". ../../ ws.yaml apps/web web | libs/a=a libs/x/b=b | apps/admin=admin"},
	"the nearest root that names the app": {ask: npmWorkspace, dir: "js/apps/web",
		files: `ws.json: {"packages": ["js/apps/*"]}
js/ws.json: {"in": {"packages": ["./apps/{web,admin}/"]}}
js/apps/ws.json: {"packages": ["other"]}
js/apps/web/m.json: {}
js/apps/admin/m.json: {"name": "web2"`,
		want: "js ../../ ws.json apps/web apps/web |  | apps/admin=apps/admin"},
	"a circle": {ask: npmWorkspace, dir: "a",
		files: `ws.json: {"packages": ["a", "b", "c"]}
a/m.json: {"name": "a", "deps": ["b"]}
b/m.json: {"name": "b", "deps": ["c"]}
c/m.json: {"name": "c", "deps": ["a", "c"]}`,
		want: ". ../ ws.json a a | c=c b=b | "},
	"no member": {ask: npmWorkspace, dir: "b", files: `ws.json: {"packages": ["a"]}
a/m.json: {}
b/m.json: {}`, want: "none"},
	"no manifest": {ask: npmWorkspace, dir: "a", files: `ws.json: {"packages": ["a"]}
a/x: `, want: "none"},
	"what the root needs": {ask: npmWorkspace + `, "rootNeeds": true`, dir: "a",
		files: `ws.json: {"packages": ["*"]}
m.json: {"deps": ["c"]}
a/m.json: {"name": "a", "deps": ["b"]}
b/m.json: {"name": "b"}
c/m.json: {"name": "c"}
d/m.json: {"name": "d"}`,
		want: ". ../ ws.json a a | b=b c=c | d=d"},
	"folders, other names, and members that are excluded": {ask: `"workspace": "ws.toml", "members": [["w", "m"]], "exclude": [["w", "x"]], "manifest": "m.toml",
		"name": [["p", "name"]], "needs": ["deps", ["deps", "*", "package"]], "folders": [["deps", "*", "path"]], "aliases": [["w", "deps"]]`, dir: "a",
		files: `ws.toml: w = {m = ["*"], x = ["out"], deps = {short = {path = "./long"}, other = {package = "real"}, foreign = "1"}}
a/m.toml: deps = {short = {w = true}, other = {w = true}, foreign = "1", f = {path = "../e"}, z = {package = "r2"}}
long/m.toml: p = {name = "l"}
real/m.toml: p = {name = "real"}
e/m.toml: p = {name = "e2"}
f/m.toml: p = {name = "r2"}
g/m.toml: p = {name = "g"}
out/m.toml: p = {name = "foreign"}`,
		want: ". ../ ws.toml a a | e=e2 f=r2 long=l real=real | g=g"},
	"texts, and what files mention": {ask: `"workspace": "ws.work", "members": ["(?m)^use (\\S+)"], "manifest": "m.mod", "name": ["module (\\S+)"],
		"needs": ["(?m)^need (\\S+)"], "mentions": "*.src"`, dir: "cmd/web",
		files: `ws.work: use ./cmd/web\nuse ./a\nuse ./b\nuse ./c\nuse ./gone
cmd/web/m.mod: module x/web\nneed x/a
cmd/web/in/main.src: import "x/b/in"
a/m.mod: module x/a
b/m.mod: module x/b
c/m.mod: module x/c`,
		want: ". ../../ ws.work cmd/web x/web | a=x/a b=x/b | c=x/c ! ./gone: ws.work gone no folder"},
	"separators, no names, loose words": {ask: `"workspace": "ws.gradle", "members": ["'([^']+)'"], "manifest": "m.gradle", "needs": ["project\\('([^']+)'"], "separator": ":"`, dir: "apps/web",
		files: `ws.gradle: include ':apps:web', 'libs:a', ':libs:b'
apps/web/m.gradle: project(':libs:b')
libs/a/m.gradle: x
libs/b/m.gradle: x`,
		want: ". ../../ ws.gradle apps/web apps/web | libs/b=libs/b | libs/a=libs/a"},
	"words that begin with a name": {ask: npmWorkspace + `, "part": "^[\\w.-]+", "loose": true`, dir: "a",
		files: `ws.json: {"packages": ["*"]}
a/m.json: {"deps": ["My.Lib>=1", "other[x]~=2"]}
b/m.json: {"name": "my_lib"}
c/m.json: {"name": "Other"}`,
		want: ". ../ ws.json a a | b=my_lib c=Other | "},
	"elements": {ask: xmlWorkspace, dir: "apps/web",
		files: `ws.xml: <!-- <m>old</m> --><w:ws xmlns:w="x" a="b"><m> apps/web </m><m>a</m><m>b</m><m>old</m><none/></w:ws>
apps/web/m.xml: <?xml version="1.0" encoding="ISO-8859-1"?><p><n>web</n><d><x><n>a</n></x><x><n>foreign</n></x></d></p>
a/m.xml: <p><n>a</n></p>
b/m.xml: <p><n>b`,
		want: ". ../../ ws.xml apps/web web | a=a | b=b ! old: ws.xml old no folder"},
	"nested: the root furthest up, and who names whom": {ask: xmlWorkspace + `, "nested": true`, dir: "apps/web",
		files: `ws.xml: <ws><m>apps</m><m>./libs/a/</m><m>tools</m><m>../outside</m><m>.</m></ws>
apps/ws.xml: <ws><m>web</m></ws>
apps/m.xml: <p><n>apps</n><ms><m>web</m><m>admin</m><m>gone</m></ms></p>
apps/web/m.xml: <p><n>web</n><d><x><n>a</n></x></d><ms><m>sub</m></ms></p>
apps/web/sub/m.xml: <p><n>sub</n><ms><m>../sub</m><m>..</m><m>deep</m></ms></p>
apps/web/sub/deep/m.xml: <p><n>deep</n><d><x><n>b</n></x></d></p>
apps/admin/m.xml: <p><n>admin</n></p>
apps/gone/x: 
libs/a/m.xml: <p><n>a</n></p>
tools/m.xml: <p><n>tools</n><ms><m>b</m></ms></p>
tools/b/m.xml: <p><n>b</n></p>`,
		want: ". ../../ ws.xml apps/web web | apps=apps apps/web/sub=sub libs/a=a tools=tools tools/b=b apps/web/sub/deep=deep | apps/admin=admin ! ../outside: ws.xml ../outside no folder, gone: apps/m.xml apps/gone"},
	"nested, the nearer root where the other does not lead to the app": {ask: xmlWorkspace + `, "nested": true`, dir: "js/web",
		files: `ws.xml: <ws><m>a</m></ws>
js/ws.xml: <ws><m>web</m></ws>
js/web/m.xml: <p><ms><m>../../a</m></ms></p>
a/m.xml: <p/>`,
		want: "js ../ ws.xml web web |  |  ! ../../a: web/m.xml ../a"},
	"folders that are not in the root": {ask: xmlWorkspace, dir: "js/web",
		files: `js/ws.xml: <ws><m>web</m><m>../a</m></ws>
js/web/m.xml: <p/>
a/m.xml: <p/>`,
		want: "js ../ ws.xml web web |  |  ! ../a: ws.xml ../a"},
	"members that may be there, and two of one name": {ask: xmlWorkspace + `, "optional": [["ws", "o", "m"]], "rootNeeds": true`, dir: "a",
		files: `ws.xml: <ws><m>a</m><o><m>b</m><m>gone</m></o><o><m>c</m></o></ws>
m.xml: <p><d><x><n>r</n></x></d></p>
a/m.xml: <p><d><x><n>b</n></x></d></p>
b/m.xml: <p><n>b</n></p>
c/m.xml: <p><n>b</n></p>`,
		want: ". ../ ws.xml a a | b=b c=b | "},
	"expressions in what others find, letters, and folders with other names": {ask: `"workspace": "ws.gradle", "members": [["include((?:[\\s,]*'[^']+')+)", "'([^']+)'"]],
		"optional": ["at ([\\w/]+)"], "aliases": ["'([^']+)' at ([\\w/]+)"], "manifest": ["m.gradle", "m.kts"], "needs": ["project\\('([^']+)'", "projects\\.([\\w.]+)"],
		"separator": ":", "letters": true, "rootNeeds": true`, dir: "apps/web",
		files: `ws.gradle: include ':apps:web', 'my-lib:core',\n ':moved', ':gone', ':top'\nname 'other'\n':moved' at some/where
m.kts: project(':top')
top/m.kts: x
apps/web/m.gradle: projects.myLib.core, project(':moved')
my-lib/core/m.kts: x
some/where/m.kts: x
other/m.kts: x`,
		want: ". ../../ ws.gradle apps/web apps/web | my-lib/core=my-lib/core some/where=some/where top=top |  ! :gone: ws.gradle gone no folder"},
}

// TestWorkspace checks which members a workspace has, and which of them the app needs in which order, for the ways in which
// ecosystems declare workspaces.
func TestWorkspace(t *testing.T) {
	for name, c := range workspaceCases {
		t.Run(name, func(t *testing.T) {
			var fields map[string]any
			if err := json.Unmarshal([]byte("{"+c.ask+"}"), &fields); err != nil {
				t.Fatal(err)
			}
			q, err := Parse(fields)
			if err != nil {
				t.Fatal(err)
			}
			files := fstest.MapFS{}
			for line := range strings.Lines(c.files) {
				file, text, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
				files[file] = &fstest.MapFile{Data: []byte(strings.ReplaceAll(text, `\n`, "\n"))}
			}
			a, err := app.FromFS(files, "repo").Within(c.dir)
			if err != nil {
				t.Fatal(err)
			}
			got, err := Resolve(a, nil, q)
			if err != nil {
				t.Fatal(err)
			}
			if text := inWords(got); text != c.want {
				t.Errorf("got  %s\nwant %s", text, c.want)
			}
			alone := app.FromFS(files, "repo")
			if got, err := Resolve(alone, nil, q); err != nil || inWords(got) != "none" {
				t.Errorf("an app that is part of no repository: %v %v", got, err)
			}
		})
	}
}

func inWords(a Answer) string {
	v := a.Value.(map[string]any)
	if !a.OK {
		return "none" + v["up"].(string)
	}
	members := func(list any) string {
		var out []string
		for _, m := range list.([]any) {
			m := m.(map[string]any)
			out = append(out, m["dir"].(string)+"="+m["name"].(string))
		}
		return strings.Join(out, " ")
	}
	var out []string
	for _, k := range []string{"root", "up", "file", "dir", "name"} {
		out = append(out, v[k].(string))
	}
	text := strings.Join(out, " ") + " | " + members(v["needs"]) + " | " + members(v["others"])
	for i, m := range v["missing"].([]any) {
		m := m.(map[string]any)
		text += []string{" ! ", ", "}[min(i, 1)] + m["name"].(string) + ": " + m["file"].(string) + " " + m["dir"].(string)
		if !m["folder"].(bool) {
			text += " no folder"
		}
	}
	return text
}

// TestFrom checks that facts are read only from the root ("root"), or from the root if the app has no such file ("nearest").
func TestFrom(t *testing.T) {
	files := fstest.MapFS{}
	for name, text := range map[string]string{"lock": "root", "apps/web/lock": "app", "only": "root", "apps/web/own": "app", "a.json": `{"x": 1}`} {
		files[name] = &fstest.MapFile{Data: []byte(text)}
	}
	a, err := app.FromFS(files, "repo").Within("apps/web")
	if err != nil {
		t.Fatal(err)
	}
	for ask, want := range map[string]string{
		`"text": "lock", "from": "root"`:                       `{"list":["../../lock"],"ok":true,"value":"root"}`,
		`"text": "lock", "from": "nearest"`:                    `{"list":["lock"],"ok":true,"value":"app"}`,
		`"text": ["own", "only"], "from": "root"`:              `{"list":["../../only"],"ok":true,"value":"root"}`,
		`"file": ["none", "only"], "from": "nearest"`:          `{"ok":true,"value":"../../only"}`,
		`"file": "own", "from": "root"`:                        `{"ok":false,"value":""}`,
		`"grep": "oo", "in": ["lock", "x"], "from": "nearest"`: `{"list":["../../lock"],"ok":true}`,
		`"json": "a.json", "from": "nearest"`:                  `{"ok":true,"value":{"x":1}}`,
		`"json": "a.json"`:                                     `{"ok":false,"value":{}}`,
	} {
		var fields map[string]any
		if err := json.Unmarshal([]byte("{"+ask+"}"), &fields); err != nil {
			t.Fatal(err)
		}
		q, err := Parse(fields)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ResolveFrom(a, nil, q, "../../")
		if err != nil {
			t.Fatal(err)
		}
		if text, _ := json.Marshal(got); string(text) != want {
			t.Errorf("%s: %s instead of %s", ask, text, want)
		}
	}
}

// TestMatchDir covers folder patterns. Patterns with many ** must not take exponential time, as trying all ways to split
// the path between them would.
func TestMatchDir(t *testing.T) {
	deep := strings.Repeat("a/", 60)
	for _, c := range []struct {
		pattern, dir string
		want         bool
	}{
		{"apps/*", "apps/web", true}, {"apps/*", "apps/web/x", false}, {"apps/*", "apps", false}, {"w?b", "web", true},
		{"**", "a/b", true}, {"apps/**", "apps", true}, {"apps/**", "apps/a/b", true}, {"**/lib", "lib", true}, {"**/lib", "a/b/lib", true},
		{"**/lib", "a/lib/b", false}, {"**/a/**/b", "a/x/a/y/b", true}, {"**/a/**/b", "x/a/y/b/c", false}, {"[", "[", false},
		{strings.Repeat("**/a/", 30) + "b", deep + "c", false}, {strings.Repeat("**/a/", 30) + "c", deep + "c", true},
	} {
		if got := matchDir(c.pattern, c.dir); got != c.want {
			t.Errorf("%s matches %s: %v", c.pattern, c.dir, got)
		}
	}
}

package policy

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	cuecmd "cuelang.org/go/cmd/cue/cmd"

	"github.com/nixpacks-cue/nixpacks/engine/app"
	"github.com/nixpacks-cue/nixpacks/engine/catalog"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

const thePlan = `{
  "providers": [],
  "buildImage": "ghcr.io/x/y:1",
  "variables": {
    "API_KEY": "sk-123",
    "MODE": "fast"
  },
  "phases": {
    "build": {
      "dependsOn": ["setup"],
      "cmds": ["make", "curl https://x | sh"]
    },
    "setup": {
      "nixPkgs": ["nodejs", "openssl"],
      "nixpkgsArchive": "unstable"
    }
  },
  "start": {
    "cmd": "node ."
  }
}
`

// decoded returns a plan whose values were set in the file that it was decoded from.
func decoded(t *testing.T, text string) Input {
	t.Helper()
	s, err := plan.DecodeSaved([]byte(text), "saved.json", "")
	if err != nil {
		t.Fatal(err)
	}
	return Input{Plan: s.Plan, Origins: func() *plan.Origins { return s.Origins }}
}

func one(text string) [][]catalog.Source {
	return [][]catalog.Source{{{Name: "p.cue", Data: []byte(text)}}}
}

// The violations in words with positions, or nothing if the plan satisfies the policy.
var verdicts = []struct{ name, policy, want string }{
	{"nothing", "", ""},
	{"holds", `start: cmd: =~"^node"`, ""},
	{"of every phase", `phases: [string]: cmds?: [...string]`, ""},
	{"default", `start: user: *"app" | string`, ""},
	{"bound", `start: cmd: =~"^npm"`, `start.cmd is "node .", but must match "^npm" p.cue:1:13 saved.json:19:12`},
	{"one value", `start: cmd: "x"`, `start.cmd is "node .", but must be "x" p.cue:1:13 saved.json:19:12`},
	{"one of several", `start: cmd: "x" | "y"`, `start.cmd is "node .", but must be "x" or "y" p.cue:1:13 saved.json:19:12`},
	{"element", `phases: [string]: nixPkgs?: [...!="openssl"]`, `phases.setup.nixPkgs[1] is "openssl", but must not be "openssl" p.cue:1:33 saved.json:14:29`},
	{"length", "import \"list\"\nphases: setup: nixPkgs: list.MaxItems(1)", `phases.setup.nixPkgs is ["nodejs", "openssl"], but must satisfy list.MaxItems(1) p.cue:2:25 saved.json:14:18`},
	{"function", "import \"strings\"\nstart: cmd: strings.MaxRunes(2)", `start.cmd is "node .", but must satisfy strings.MaxRunes(2) p.cue:2:13 saved.json:19:12`},
	{"a variable, whose value is not told", `variables: [string]: !~"^sk-"`, `variables.API_KEY must not match "^sk-" p.cue:1:22 saved.json:5:16`},
	{"a variable, one of several", `variables: API_KEY: "a" | "b"`, `variables.API_KEY is not one of the values that p.cue allows p.cue:1:21 saved.json:5:16`},
	{"a variable, conflict", `variables: API_KEY: "a"`, `variables.API_KEY is rejected by p.cue p.cue:1:21 saved.json:5:16`},
	{"not set", `start: user: !="root"`, `start.user is not set, which means root, but must not be "root" p.cue:1:14`},
	{"required", `start: labels!: team!: string`, `start.labels is not set, but must be set p.cue:1:8`},
	{"closed", `start: close({user?: string})`, `start.cmd is not allowed by p.cue p.cue:1:1 saved.json:19:12`},
	{"author's words", `start: cmd: =~"^npm" | error("start with npm")`, `start with npm p.cue:1:24 saved.json:19:12`},
	{"author's words, of an element", `phases: [string]: cmds?: [...!~"curl" | error("no curl")]`, `no curl p.cue:1:41 saved.json:11:24`},
	{"author's words, with a value", `buildImage: =~"^x" | error("not \(buildImage)")`, `not ghcr.io/x/y:1 p.cue:1:22 saved.json:3:17`},
	{"author's words, with lines", `buildImage: =~"^x" | error("a\n\u001b[2Jb")`, `a  [2Jb p.cue:1:22 saved.json:3:17`},
	{"author's words, of what is not set", "start: {\n\tuser?: string\n\tif user == _|_ {user: error(\"say who\")}\n}", `say who p.cue:3:24 nothing sets start.user`},
	{"author's words, of the plan", "phases: {...}\nif len(phases) > 1 {error(\"one phase\")}", `one phase p.cue:2:21`},
	{"author's words, twice", `start: cmd: (=~"^npm" | error("a")) & (=~"js$" | error("b"))`, `a p.cue:1:25 saved.json:19:12
b p.cue:1:50 saved.json:19:12`},
	{"author's words, twice of an element", "phases: [string]: cmds?: [...!~\"curl\" | error(\"no curl\")]\nphases: [string]: cmds?: [...!~\"sh$\" | error(\"no sh\")]", `no curl p.cue:1:41 saved.json:11:24
no sh p.cue:2:40 saved.json:11:24`},
	{"several, of all kinds", "start: {cmd: =~\"^npm\", labels!: x!: string, user: !=\"\"}\nbuildImage: =~\"^x\"\nphases: build: cmds: [...!~\"curl\"]\n", `start.cmd is "node .", but must match "^npm" p.cue:1:14 saved.json:19:12
start.labels is not set, but must be set p.cue:1:24
start.user is not set, which means root, but must not be "" p.cue:1:51
buildImage is "ghcr.io/x/y:1", but must match "^x" p.cue:2:13 saved.json:3:17
phases.build.cmds[1] is "curl https://x | sh", but must not match "curl" p.cue:3:26 saved.json:11:24`},
	{"words of one demand, not met another", "start: cmd: !~\"curl\" | error(\"no curl\")\nstart: cmd: =~\"^npm\"", `start.cmd is "node .", but must match "^npm" p.cue:2:13 saved.json:19:12`},
	{"comprehension", `_x: [for n, p in phases if p.cmds != _|_ for c in p.cmds if c =~ "curl" {n}]
phases: [string]: {cmds?: [...string], ...}
if len(_x) > 0 {error("curl in \(_x[0])")}`, `curl in build p.cue:3:17`},
	{"unknown reference", `start: cmd: nothing`, `p.cue refers to "nothing", which is not declared p.cue:1:13 saved.json:19:12`},
	{"an index below zero", `start: aptPkgs: {"-1"!: string}`, `p.cue rejects the plan: start.aptPkgs."-1": field is required but not present p.cue:1:18 nothing sets start.aptPkgs[-1], which has its default
p.cue rejects the plan: field is required but not present p.cue:1:18 nothing sets start.aptPkgs[-1], which has its default`},
	{"against itself", `start: cmd: "a" & "b"`, `start.cmd is "node .", but must be "b" p.cue:1:13 saved.json:19:12
start.cmd is "node .", but must be "a" p.cue:1:13 saved.json:19:12`},
}

func TestVerdicts(t *testing.T) {
	for _, v := range verdicts {
		t.Run(v.name, func(t *testing.T) {
			in := decoded(t, thePlan)
			in.Given = one(v.policy)
			res, err := Check(in)
			if err == nil {
				err = res.Err()
			}
			if got := told(err); got != v.want {
				t.Errorf("got\n%s\nwant\n%s", got, v.want)
			}
			if err := vet(t, thePlan, v.policy); (err == nil) != (v.want == "") {
				t.Errorf("cue vet says %v", err)
			}
		})
	}
}

// told formats faults as lines of message and positions.
func told(err error) string {
	var out []string
	for _, f := range fault.All(err) {
		line := f.Msg
		for _, at := range f.At {
			line += " " + at.String()
		}
		if f.Code != fault.Refused {
			line += fmt.Sprint(" code ", f.Code)
		}
		if f.Detail != "" {
			line += " " + f.Detail
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n")
}

// vet returns the verdict of the stock cue command.
func vet(t *testing.T, thePlan, policy string) error {
	t.Helper()
	dir := t.TempDir()
	var files []string
	for name, text := range map[string]string{"plan.json": thePlan, "p.cue": policy} {
		files = append(files, filepath.Join(dir, name))
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd, err := cuecmd.New(append([]string{"vet"}, files...))
	if err != nil {
		t.Fatal(err)
	}
	cmd.SetOut(io.Discard)
	cmd.SetErr(io.Discard)
	return cmd.Run(t.Context())
}

// The app's own policies apply in addition to the given ones and cannot weaken them.
func TestInApp(t *testing.T) {
	in := decoded(t, thePlan)
	files := fstest.MapFS{
		"policy/a.cue":       {Data: []byte("package p\n_npm: \"^npm\"\n")},
		"policy/b.cue":       {Data: []byte("package p\nstart: cmd: =~_npm\n")},
		"policy/c.cue":       {Data: []byte("start: cmd: =~\"js$\"\n")},
		"policy/same.cue":    {Data: []byte("start: user: !=\"\"\n")},
		"policy/x.rego":      {Data: []byte("no CUE")},
		"policy/deep/no.cue": {Data: []byte("no CUE")},
	}
	in.App = app.FromFS(files, "app")
	in.Given = [][]catalog.Source{{{Name: "/etc/same.cue", Data: files["policy/same.cue"].Data}}}
	res, err := Check(in)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range res.Policies {
		names = append(names, p.Name+" of "+strings.Join(p.Files(), "+"))
	}
	if got := strings.Join(names, ", "); got != "/etc/same.cue of /etc/same.cue, policy of policy/a.cue+policy/b.cue, policy/c.cue of policy/c.cue" {
		t.Errorf("policies: %s", got)
	}
	want := `start.user is not set, which means root, but must not be "" /etc/same.cue:1:14
start.cmd is "node .", but must match "^npm" policy/b.cue:2:13 saved.json:19:12
start.cmd is "node .", but must match "js$" policy/c.cue:1:13 saved.json:19:12`
	if got := told(res.Err()); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// An error in a policy itself is a fault with its position.
func TestRefused(t *testing.T) {
	for _, r := range []struct{ policy, want string }{
		{"start: cmd: {", `not valid CUE: expected '}', found 'EOF' p.cue:1:14`},
		{"import \"net\"\nstart: cmd: net.FQDN", `a policy cannot import "net" p.cue:1:8`},
		{"@extern(embed)\npackage p\n_x: _ @embed(file=\"/etc/passwd\")", `@extern is not supported: a policy must not depend on its environment p.cue:1:1
@embed is not supported: a policy must not depend on its environment p.cue:3:7`},
		{"import \"strings\"\nstart: cmd: strings.Repeat(\"x\", 9)", `strings.Repeat cannot be used in a policy p.cue:2:13`},
		{strings.Repeat("// x\n", 60_000), `p.cue is larger than 256 KB p.cue`},
	} {
		in := decoded(t, thePlan)
		in.Given = one(r.policy)
		if _, err := Check(in); told(err) != r.want {
			t.Errorf("%.60s\ngot\n%s\nwant\n%s", r.policy, told(err), r.want)
		}
	}
}

// A constraint on a field that no plan has is satisfied by every plan, so a note points it out.
func TestNotes(t *testing.T) {
	in := decoded(t, thePlan)
	in.Given = one("phasess: [string]: cmds?: []\nstart: {usr?: \"app\"}\n_own: x: 1\n#own: x: 1\nvariables: ANY?: string\n")
	res, err := Check(in)
	if err != nil || res.Err() != nil {
		t.Fatal(err, res.Err())
	}
	var got []string
	for _, n := range res.Notes {
		got = append(got, fmt.Sprint(n.Text, n.At, n.Hint))
	}
	want := `unknown field "phasess": plans have no such field, so this rule has no effect[p.cue:1:1]did you mean "phases"?
unknown field "usr" in start: plans have no such field, so this rule has no effect[p.cue:2:9]did you mean "user"?`
	if strings.Join(got, "\n") != want {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), want)
	}
}

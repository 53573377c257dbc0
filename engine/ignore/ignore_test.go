package ignore

import (
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/tonistiigi/fsutil"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

const key = "-----BEGIN RSA PRIVATE KEY-----\nMIIB\n-----END RSA PRIVATE KEY-----\n"

var defaults = plan.Defaults{
	SecretVariables: plan.SecretNames{Names: []string{"*TOKEN", "*_KEY"}, Except: []string{"VITE_*"}},
	Context: plan.ContextDefaults{
		Exclude: []plan.ContextRule{
			{Files: []string{"**/.git"}, Why: "history", Quiet: true},
			{Files: []string{"**/.ssh", "**/.aws/credentials"}, Why: "credentials"},
			{Files: []string{"**/*.pem", "**/id_rsa*"}, Holds: "BEGIN ([A-Z]+ )*PRIVATE KEY", Why: "a private key", Except: []string{"**/tests"}},
			{Files: []string{"**/venv"}, With: []string{"pyvenv.cfg"}, Why: "a virtualenv"},
			{Files: []string{"**/node_modules"}, With: []string{".package-lock.json"}, Ignored: true, Why: "packages"},
		},
		Settings: plan.SettingsFiles{Files: []string{"**/.env", "**/.env.*", "**/.npmrc"}, Except: []string{"**/.env.example"}},
	},
}

func outputs(ph *plan.Phase) []string { return ph.Outputs }

func tree(files map[string]string) fstest.MapFS {
	out := fstest.MapFS{}
	for name, text := range files {
		out[name] = &fstest.MapFile{Data: []byte(text), Mode: 0o644}
	}
	return out
}

func look(t *testing.T, files map[string]string, p *plan.Plan) *Rules {
	t.Helper()
	r, err := Read(tree(files), defaults)
	if err == nil {
		r, err = r.For(p, outputs)
	}
	if err == nil {
		err = r.Look(tree(files))
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// out returns the files that do not enter the build context.
func (r *Rules) out(files map[string]string) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if in, _ := r.Judge(name); !in {
			out = append(out, name)
		}
	}
	return strings.Join(out, " ")
}

func TestRules(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		plan  plan.Plan
		out   string
	}{
		"the program's own": {
			files: map[string]string{"main.go": "", ".git/HEAD": "", "sub/.git": "", ".gitignore": "", ".ssh/config": "", "a/.aws/credentials": "", "a/.aws/task.json": "", "credentials": ""},
			out:   ".git/HEAD .ssh/config a/.aws/credentials sub/.git",
		},
		"private keys, not certificates": {
			files: map[string]string{"ca.pem": "-----BEGIN CERTIFICATE-----", "a/dev.pem": key, "id_rsa": key, "id_rsa.pub": "ssh-rsa AAAA", "notes.txt": key, "bundle.pem": strings.Repeat("x", 5000) + key},
			out:   "a/dev.pem bundle.pem id_rsa",
		},
		"keys of tests stay": {files: map[string]string{"tests/a/dev.pem": key, "contests/dev.pem": key}, out: "contests/dev.pem"},
		"a virtualenv, not a folder of its name": {
			files: map[string]string{"venv/pyvenv.cfg": "", "venv/bin/python": "", "a/venv/x.py": ""}, out: "venv/bin/python venv/pyvenv.cfg",
		},
		"packages that git ignores, not those of the repository": {
			files: map[string]string{".gitignore": "/web/node_modules\n", "web/node_modules/.package-lock.json": "", "web/node_modules/x.js": "", "old/node_modules/.package-lock.json": "", "old/node_modules/x.js": ""},
			out:   "web/node_modules/.package-lock.json web/node_modules/x.js",
		},
		"what a phase makes": {
			files: map[string]string{"dist/a": "", "dist/keep": "", "src/a": ""},
			plan:  plan.Plan{Phases: map[string]*plan.Phase{"build": {Outputs: []string{"dist"}}}}, out: "dist/a dist/keep",
		},
		"lines in order, the later file counting more": {
			files: map[string]string{".dockerignore": "# no\n*.log\n!keep.log\n/docs\n", ".nixpacksignore": "!docs/a.md\nkeep.log\n", "a.log": "", "keep.log": "", "docs/a.md": "", "docs/b.md": "", "sub/docs/x": "", "sub/a.log": ""},
			out:   "a.log docs/b.md keep.log",
		},
		"letting in a folder lets in nothing of the program's": {
			files: map[string]string{".dockerignore": "*\n!src\n!lib/**\n", "src/a.pem": key, "src/.ssh/x": "", "src/main.go": "", "lib/id_rsa": key, "lib/x": "", "other": ""},
			out:   ".dockerignore lib/id_rsa other src/.ssh/x src/a.pem",
		},
		"letting in by name does": {
			files: map[string]string{".dockerignore": "!src/a.pem\n!**/.ssh/known_hosts\n!.git\n", ".nixpacksignore": "!id_*\n", "src/a.pem": key, "src/b.pem": key, "id_rsa": key, ".ssh/known_hosts": "", ".ssh/id_rsa": key, ".git/HEAD": "", "sub/.git/HEAD": ""},
			out:   ".ssh/id_rsa src/b.pem sub/.git/HEAD",
		},
		"not where a later line says otherwise": {
			files: map[string]string{".dockerignore": "!src/a.pem\n!.git\n*\n!main.go\n", "src/a.pem": key, ".git/HEAD": "", "main.go": ""},
			out:   ".dockerignore .git/HEAD src/a.pem",
		},
		"the plan's word": {
			files: map[string]string{".dockerignore": "video\n!docs/api\nkeys/c\n", "video/a": "", "keys/c": "", "docs/api/x": "", "docs/y": "", "a.pem": key, ".git/HEAD": "", "keys/b.pem": key},
			plan:  plan.Plan{Exclude: []string{"docs"}, Include: []string{"/video/", ".git", "keys"}}, out: "a.pem docs/y",
		},
		"names that patterns know": {
			files: map[string]string{"a[1]/*.pem": key, "a1/x.pem": "", "!b.pem": key, "b.pem": "", `c\d.pem`: key, " e.pem": key},
			out:   ` e.pem !b.pem a[1]/*.pem c\d.pem`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := look(t, c.files, &c.plan)
			if got := r.out(c.files); got != c.out {
				t.Errorf("out are  %s\nwanted are %s\nrules %q", got, c.out, r.Patterns())
			}
			if walked := sent(t, tree(c.files), r.Patterns()); walked != in(r, c.files) {
				t.Errorf("BuildKit takes %s\nsaid to be in %s\nrules %q", walked, in(r, c.files), r.Patterns())
			}
		})
	}
}

func in(r *Rules, files map[string]string) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if ok, _ := r.Judge(name); ok {
			out = append(out, name)
		}
	}
	return strings.Join(out, " ")
}

// sent returns the files that BuildKit sends for patterns.
func sent(t *testing.T, fsys fs.FS, patterns []string) string {
	t.Helper()
	filtered, err := fsutil.NewFilterFS(listed{fsys}, &fsutil.FilterOpt{ExcludePatterns: patterns})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	err = filtered.Walk(t.Context(), "/", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			out = append(out, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// TestPatterns: for any lines, Judge decides about a file as BuildKit does with the patterns.
func TestPatterns(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	parts := []string{"a", "b.pem", ".ssh", ".git", "src", "id_rsa", "*", "**", "*.pem", "venv"}
	for range 300 {
		files := map[string]string{}
		for range 12 {
			name := []string{}
			for range 1 + random.IntN(3) {
				name = append(name, parts[random.IntN(6)])
			}
			files[strings.Join(name, "/")] = []string{"", key}[random.IntN(2)]
		}
		for name := range files { // a path cannot be a file and a folder
			for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
				delete(files, dir)
			}
		}
		var lines []string
		for range random.IntN(6) {
			line := []string{}
			for range 1 + random.IntN(3) {
				line = append(line, parts[random.IntN(len(parts))])
			}
			lines = append(lines, []string{"", "!"}[random.IntN(2)]+strings.Join(line, "/"))
		}
		files[".dockerignore"] = strings.Join(lines, "\n")
		r := look(t, files, &plan.Plan{})
		if got := sent(t, tree(files), r.Patterns()); got != in(r, files) {
			t.Fatalf("%q: BuildKit takes %s\nsaid to be in %s\nrules %q", lines, got, in(r, files), r.Patterns())
		}
	}
}

func TestNotes(t *testing.T) {
	files := map[string]string{
		"certs/dev.pem": key, ".ssh/config": "", "venv/pyvenv.cfg": "", ".git/HEAD": "", "hidden.pem": key, ".dockerignore": "hidden.pem\n.env.local\n",
		".env":         "# secrets\nPORT=80\nexport STRIPE_KEY='canary'\r\nVITE_KEY=x\nEMPTY_TOKEN=\nQUOTED_TOKEN=\"\" \nREF_TOKEN=${OTHER}\nAPI_TOKEN = canary\n",
		".env.local":   "A_KEY=canary",
		".env.example": "A_KEY=canary",
		".npmrc":       "//registry.npmjs.org/:_authToken=canary\n//other/:_authToken=${NPM_TOKEN}\nregistry=https://x/\n",
	}
	var got []string
	for _, n := range look(t, files, &plan.Plan{}).Notes() {
		got = append(got, n.Text, n.Hint)
	}
	want := []string{
		"not in the build context: .ssh (credentials), certs/dev.pem (a private key), venv (a virtualenv)",
		"to include it, add the line !.ssh to .dockerignore, or use --include .ssh; to list all files: nixpacks context ls",
		".env is in the build context, and STRIPE_KEY, API_TOKEN in it look like secrets",
		"if the app does not need it, add the line .env to .dockerignore; for values that only a phase needs, use --secret",
		".npmrc is in the build context, and _authToken in it looks like a secret",
		"if the app does not need it, add the line .npmrc to .dockerignore; for values that only a phase needs, use --secret",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestRefused(t *testing.T) {
	for text, want := range map[string]string{
		"fine\n[\n":         ".dockerignore:2: invalid pattern in .dockerignore",
		"!\n":               `.dockerignore:1: invalid pattern in .dockerignore: "!" needs a pattern`,
		"# [\n\n x \n a[\n": ".dockerignore:4: ",
	} {
		_, err := Read(tree(map[string]string{".dockerignore": text}), defaults)
		if fault.CodeOf(err) != fault.Refused || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
	r, err := Read(tree(nil), defaults)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []plan.Plan{{Exclude: []string{"!x"}}, {Include: []string{"a["}}} {
		if _, err := r.For(&p, outputs); fault.CodeOf(err) != fault.Refused {
			t.Errorf("%+v: %v", p, err)
		}
	}
}

// Each file is matched against each line, and the app may be hostile: both are limited, and exceeding a limit is a
// fault: files that an unread line excludes would get into the build.
func TestTooMany(t *testing.T) {
	lines := func(n int) string { return strings.Repeat("**/a*b\n", n) }
	keys := map[string]string{}
	for i := range maxRules + 1 {
		keys[fmt.Sprintf("%d.pem", i)] = key
	}
	for name, c := range map[string]struct {
		files map[string]string
		plan  plan.Plan
		want  string
	}{
		"lines":   {files: map[string]string{".dockerignore": lines(maxRules + 10)}, want: ".dockerignore:5002: 5001 or more patterns"},
		"files":   {files: map[string]string{".dockerignore": lines(3000), ".nixpacksignore": lines(3000)}, want: "or more patterns exclude"},
		"size":    {files: map[string]string{".dockerignore": strings.Repeat("#\n", maxFile/2) + "key"}, want: ".dockerignore: .dockerignore is larger than 1024 KB"},
		"exclude": {plan: plan.Plan{Exclude: strings.Fields(lines(maxRules + 1))}, want: "or more patterns exclude"},
		"include": {plan: plan.Plan{Include: strings.Fields(lines(maxRules))}, want: "or more patterns exclude"},
		"keys":    {files: keys, want: "or more patterns exclude"},
	} {
		r, err := Read(tree(c.files), defaults)
		if err == nil {
			r, err = r.For(&c.plan, outputs)
		}
		if err == nil {
			err = r.Look(tree(c.files))
		}
		if fault.CodeOf(err) != fault.Refused || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

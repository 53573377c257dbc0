//go:build unix

package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/nixpacks-cue/nixpacks/engine/lock"
	"github.com/nixpacks-cue/nixpacks/engine/modules"
)

// doubled returns a few hundred bytes of CUE, and 5 KB of letters, that make a text of 20 MB in the name _d12.
func doubled() string {
	text := "_d0: \"" + strings.Repeat("x", 5000) + "\"\n"
	for i := 1; i <= 12; i++ {
		text += fmt.Sprintf("_d%d: _d%d+_d%d\n", i, i-1, i-1)
	}
	return text
}

// runaway returns CUE that asks for too much, by the name of its form: declarations, and a string to request.
func runaway() map[string][2]string {
	many := doubled()
	for i := 13; i <= 40; i++ {
		many += fmt.Sprintf("_d%d: _d%d+_d%d\n", i, i-1, i-1)
	}
	choices := []string{}
	for i := range 20 {
		choices = append(choices, fmt.Sprintf("({a%[1]d: 1} | {a%[1]d: 2} | {b%[1]d: 1})", i))
	}
	powers := "_p0: 10000000000\n"
	for i := 1; i < 40; i++ {
		powers += fmt.Sprintf("_p%d: _p%d*_p%d\n", i, i-1, i-1)
	}
	return map[string][2]string{
		"product":   {"import \"list\"\n_l: list.Range(0, 1000, 1)\n_x: [for a in _l for b in _l for c in _l {a*b*c}]\n", `"\(len(_x))"`},
		"range":     {"import \"list\"\n", `"\(len(list.Range(0, 100000000, 1)))"`},
		"doubling":  {many, "_d40"},
		"filling":   {doubled() + "_t: \"" + strings.Repeat(`\(_d12)`, 100) + "\"\n", "_t"},
		"choices":   {"_x: " + strings.Join(choices, " & ") + "\n", `"\(_x.a0)"`},
		"powers":    {powers, `"\(_p39)"`},
		"splitting": {"import \"strings\"\n" + doubled(), `strings.Split(_d12, "")[0]`},
		"matching":  {"import \"regexp\"\n" + doubled(), `regexp.ReplaceAll("(a*)*(x*)*(a*)*b|x", _d12, _d12)`},
	}
}

// refused returns CUE that is refused before it runs, and the words of the message.
func refused() map[string][3]string {
	return map[string][3]string{
		"strings.Repeat":              {"import \"strings\"\n", `strings.Repeat(strings.Repeat("x", 1000000), 1000000)`, "strings.Repeat cannot be used"},
		"list.Repeat":                 {"import \"list\"\n_x: list.Repeat(list.Repeat([1], 1000000), 1000000)\n", `"\(len(_x))"`, "list.Repeat cannot be used"},
		"multiplied":                  {"", `"x"*1000000*1000000`, "strings cannot be multiplied"},
		"multiplied, by another name": {"_x: \"x\"\n", `_x*1000000`, "number"},
		"strings.Join":                {"import (\"strings\", \"list\")\n" + doubled(), `strings.Join([for i in list.Range(0, 20000, 1) {_d12}], "")`, "index out of range"},
		"strings.Replace":             {"import \"strings\"\n" + doubled(), `strings.Replace(_d12, "x", _d12, -1)`, "index out of range"},
		"FormatFloat":                 {"import \"strconv\"\n", `strconv.FormatFloat(1.5, 102, 1000000000, 64)`, "<=1000"},
		"itself":                      {"#f: {n: int, out: (#f & {n: 1}).out}\n", `"\((#f & {n: 0}).out)"`, ""},
		"deep lists":                  {"_x: " + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) + "\n", `"x"`, "nested too deeply"},
		"deeper lists":                {"_x: " + strings.Repeat("[", 120_000) + "\n", `"x"`, "nesting depth"},
		"deep sums":                   {"_x: " + strings.Repeat("1+", 120_000) + "1\n", `"x"`, "nested too deeply"},
		"deep selectors":              {"_x: _x" + strings.Repeat(".a", 120_000) + "\n", `"x"`, "nested too deeply"},
		"large":                       {strings.Repeat("// x\n", 60_000), `"x"`, "is larger than 256 KB"},
		"@embed":                      {"@extern(embed)\n_x: _ @embed(file=/etc/passwd,type=text)\n", "_x", "@extern is not supported"},
		"@embed alone":                {"_x: string @embed(file=\"../x.json\")\n", `"x"`, "@embed is not supported"},
		"@tag":                        {"_x: string @tag(x,var=username)\n", `"x"`, "@tag is not supported"},
		"@if":                         {"@if(x)\n", `"x"`, "@if is not supported"},
		"tool/exec":                   {"import \"tool/exec\"\n_x: exec.Run\n", `"x"`, `"tool/exec" cannot be imported`},
		"tool/file":                   {"import \"tool/file\"\n_x: file.Read\n", `"x"`, `"tool/file" cannot be imported`},
		"net":                         {"import \"net\"\n_x: net.IPv4\n", `"x"`, `"net" cannot be imported`},
		"a module":                    {"import \"example.com/x@v0\"\n_x: x.y\n", `"x"`, `"example.com/x@v0" cannot be imported`},
		"a folder":                    {"import \"./secrets\"\n_x: secrets.y\n", `"x"`, `"./secrets" cannot be imported`},
	}
}

// asConfig writes the CUE as a nixpacks.cue.
func asConfig(decls, want string) func(*testing.T, string) {
	return inApp("nixpacks.cue", decls+"start: cmd: "+want+"\n")
}

// asProvider writes the CUE as a provider.
func asProvider(decls, want string) func(*testing.T, string) {
	attribute := ""
	if strings.HasPrefix(decls, "@") {
		attribute, decls, _ = strings.Cut(decls, "\n")
	}
	return files(map[string]string{"app/x.txt": "", "providers/p/p.cue": attribute + "\npackage p\n" + decls +
		"name: \"p\"\ndetect: any: [{file: \"x.txt\"}]\nplan: start: cmd: " + want + "\n"})
}

// asBrought writes the provider of asProvider into the app.
func asBrought(decls, want string) func(*testing.T, string) {
	provider := asProvider(decls, want)
	return func(t *testing.T, dir string) {
		provider(t, dir)
		must(t, os.Rename(filepath.Join(dir, "providers"), filepath.Join(dir, "app", "providers")))
		must(t, os.WriteFile(filepath.Join(dir, "app", "nixpacks.cue"), nil, 0o644))
	}
}

// asModule puts the provider of asProvider into a module in a registry that the app's lock names. No publisher has checked
// it.
func asModule(registry, decls, want string) func(*testing.T, string) {
	provider := asProvider(decls, want)
	return func(t *testing.T, dir string) {
		provider(t, dir)
		folder := filepath.Join(dir, "providers", "p")
		files(map[string]string{"cue.mod/module.cue": "module: \"example.com/p@v0\"\nlanguage: version: \"v0.17.0\"\nsource: kind: \"self\"\n"})(t, folder)
		p, err := modules.Pack(t.Context(), folder, "v0.1.0")
		must(t, err)
		_, err = modules.Open(modules.Options{Env: []string{"HOME=" + dir, "CUE_REGISTRY=" + registry}}).Publish(t.Context(), p)
		must(t, err)
		l := lock.Lock{Providers: map[string]lock.Module{p.Path: p.Pin.Module}}
		must(t, os.WriteFile(filepath.Join(dir, "app", lock.File), l.JSON(), 0o644))
	}
}

// asPolicy writes the CUE as a policy in a folder.
func asPolicy(folder, decls, want string) func(*testing.T, string) {
	attribute := ""
	if strings.HasPrefix(decls, "@") {
		attribute, decls, _ = strings.Cut(decls, "\n")
	}
	return files(map[string]string{"app/nixpacks.toml": "start = {cmd = \"x\"}\n", folder + "/p.cue": attribute + "\npackage p\n" + decls + "start: cmd: " + want + "\n"})
}

// TestHostileEvaluation checks that untrusted CUE stays within the limits, and that the message names the file.
func TestHostileEvaluation(t *testing.T) {
	slow(t)
	for name, cue := range runaway() {
		attack{name, asConfig(cue[0], cue[1]), nil, 21, "nixpacks.cue takes too much"}.sub(t, "nixpacks.cue")
		if name == "product" {
			attack{name, asPolicy("app/policy", cue[0], cue[1]), nil, 21, "policy/p.cue takes too much"}.sub(t, "policy of the app")
			attack{name, asPolicy("org", cue[0], cue[1]), []string{"--policy", "org/p.cue"}, 21, "org/p.cue takes too much"}.sub(t, "policy")
		}
		if name == "product" || name == "doubling" {
			attack{name, asProvider(cue[0], cue[1]), []string{"--providers", "providers"}, 21, "providers/p/p.cue"}.sub(t, "provider")
			attack{name, asBrought(cue[0], cue[1]), nil, 21, "providers/p/p.cue"}.sub(t, "brought")
			registry := memoryRegistry(t)
			t.Setenv("CUE_REGISTRY", registry)
			attack{name, asModule(registry, cue[0], cue[1]), nil, 21, "example.com/p@v0.1.0/p.cue"}.sub(t, "module")
		}
	}
	product := runaway()["product"]
	all(t, []attack{
		{"order of providers", files(map[string]string{"app/x": "", "providers/order.cue": "package all\n" + product[0] + "order: [" + product[1] + "]\n"}),
			[]string{"--providers", "providers"}, 21, "providers takes too much time to evaluate"},
		{"#base", inApp("nixpacks.cue", "import \"list\"\n_l: list.Range(0, 1000, 1)\n_x: [for a in _l for b in _l for c in _l {#base.packages}]\nstart: cmd: \"\\(len(_x))\"\n"),
			[]string{"--json-plan", `{"variables": {"A": "` + strings.Repeat("x", 20_000) + `"}}`}, 21, "nixpacks.cue takes too much time"},
		{"--json-plan, deep", files(nil), []string{"--json-plan", strings.Repeat("[", 60_000)}, 21, "--json-plan"},
	})
}

func (a attack) sub(t *testing.T, where string) {
	t.Run(where+"/"+a.name, func(t *testing.T) { a.within(t, mostEvaluated) })
}

// TestHostileCUE checks that CUE that reaches outside of its file, or costs too much in one step, is refused with its
// position, in both kinds of file.
func TestHostileCUE(t *testing.T) {
	for name, cue := range refused() {
		attack{name, asConfig(cue[0], cue[1]), nil, 21, cue[2]}.sub(t, "nixpacks.cue")
		want := strings.Replace(cue[2], " cannot be imported", "", 1)
		if strings.HasSuffix(want, "is not supported") || strings.HasSuffix(want, "nested too deeply") || strings.HasPrefix(want, `"`) {
			attack{name, asPolicy("app/policy", cue[0], cue[1]), nil, 21, want}.sub(t, "policy of the app")
		}
		attack{name, asProvider(cue[0], cue[1]), []string{"--providers", "providers"}, 21, want}.sub(t, "provider")
		attack{name, asProvider(cue[0], cue[1]), []string{"--providers", "providers"}, 21, "providers/p/p.cue"}.sub(t, "provider, its place")
		attack{name, asBrought(cue[0], cue[1]), nil, 21, want}.sub(t, "brought")
		registry := memoryRegistry(t) // each test has its own, because the modules have the same name
		t.Setenv("CUE_REGISTRY", registry)
		attack{name, asModule(registry, cue[0], cue[1]), nil, 21, want}.sub(t, "module")
	}
}

// TestHostilePolicies checks that only regular files are read as policies, and for an app only files in the app.
func TestHostilePolicies(t *testing.T) {
	app := files(map[string]string{"app/nixpacks.toml": "start = {cmd = \"x\"}\n", "app/policy/x.txt": "", "out.cue": "start: user!: string\n", "org/a.cue": ""})
	with := func(do func(dir string) error) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			app(t, dir)
			must(t, do(dir))
		}
	}
	org := []string{"--policy", "org"}
	all(t, []attack{
		{"a link out", with(func(d string) error { return os.Symlink("../out.cue", d+"/org/b.cue") }), org, 2, "cannot read org/b.cue"},
		{"a pipe", with(func(d string) error { return syscall.Mkfifo(d+"/org/b.cue", 0o644) }), org, 21, "org/b.cue is not a regular file"},
		{"a device", app, []string{"--policy", "/dev/zero"}, 2, "is not a policy"},
		{"an app's link out", with(func(d string) error { return os.Symlink("../../out.cue", d+"/app/policy/b.cue") }), nil, 0, `"cmd": "x"`},
		{"an app's link to a device", with(func(d string) error { return os.Symlink("/dev/zero", d+"/app/policy/b.cue") }), nil, 0, `"cmd": "x"`},
		{"an app's folder that leads out", files(map[string]string{"app/nixpacks.toml": "start = {cmd = \"x\"}\n", "app/policy": "", "org/a.cue": "start: user!: string\n"}), org, 21, "start.user is not set"},
	})
}

// TestHostileProviders checks that only regular files in the folder of providers are read as providers.
func TestHostileProviders(t *testing.T) {
	good := files(map[string]string{"app/x.txt": "", "secret.cue": "package p\n_x: \"hunter2\"\n",
		"providers/p/p.cue": "package p\nname: \"p\"\ndetect: any: [{file: \"x.txt\"}]\nplan: start: cmd: \"x\"\n"})
	with := func(do func(file string) error) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			good(t, dir)
			must(t, do(filepath.Join(dir, "providers", "p", "q.cue")))
		}
	}
	args := []string{"--providers", "providers"}
	all(t, []attack{
		{"good", good, args, 0, `"cmd": "x"`},
		{"a link out", with(func(f string) error { return os.Symlink("../../secret.cue", f) }), args, 2, "cannot read providers/p/q.cue"},
		{"a link to a device", with(func(f string) error { return os.Symlink("/dev/zero", f) }), args, 2, "cannot read providers/p/q.cue"},
		{"a pipe", with(func(f string) error { return syscall.Mkfifo(f, 0o644) }), args, 21, "providers/p/q.cue is not a regular file"},
		{"a folder called so", with(func(f string) error { return os.Mkdir(f, 0o755) }), args, 0, `"cmd": "x"`},
		{"facts outside", files(map[string]string{"app/x.txt": "", "providers/p/p.cue": `package p
name: "p"
detect: any: [{file: "x.txt"}]
facts: {
	a: {text: "../../../../../../etc/passwd"}
	b: {text: "/etc/passwd"}
	c: {grep: "root", in: ["/etc/passwd", "/etc/*", "../../../../../../../etc/*"]}
	d: {glob: ["../**", "/etc/**"]}
	e: {file: "/etc/passwd"}
	f: {dir: ["..", "/etc"]}
}
plan: start: cmd: "\(facts.a.value)\(facts.b.value) \(facts.c.ok) \(len(facts.d.list)) \(facts.e.ok) \(facts.f.ok)"
`}), args, 0, `"cmd": " false 0 false false"`},
	})
}

// TestHostileBrought checks that providers in an app are read like those of --providers, and only from the app.
func TestHostileBrought(t *testing.T) {
	good := asBrought("", `"x"`)
	with := func(do func(app string) error) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			good(t, dir)
			must(t, os.WriteFile(filepath.Join(dir, "secret.cue"), []byte("package p\n_x: \"hunter2\"\n"), 0o644))
			must(t, do(filepath.Join(dir, "app")))
		}
	}
	all(t, []attack{
		{"good", good, nil, 0, `"cmd": "x"`},
		{"without the switch", with(func(app string) error { return os.Remove(app + "/nixpacks.cue") }), nil, 20, "looked for:\n    crystal"},
		{"a link out", with(func(app string) error { return os.Symlink("../../../secret.cue", app+"/providers/p/q.cue") }), nil, 2, "cannot read providers/p/q.cue"},
		{"a pipe", with(func(app string) error { return syscall.Mkfifo(app+"/providers/p/q.cue", 0o644) }), nil, 21, "providers/p/q.cue is not a regular file"},
		{"the folder is a link out", with(func(app string) error {
			must(t, os.Rename(app+"/providers", app+"/../elsewhere"))
			return os.Symlink("../elsewhere", app+"/providers")
		}), nil, 20, "looked for:\n    crystal"},
		{"large", with(func(app string) error { return os.WriteFile(app+"/providers/p/q.cue", make([]byte, 1<<20), 0o644) }), nil, 21, "providers/p/q.cue is larger than 256 KB"},
		{"an image of the machine", asBrought("", "\"x\"\nplan: buildImage: \"oci-layout:///tmp/x\""), nil, 21, "oci-layout:///tmp/x"},
		{"5,000 folders", with(func(app string) error {
			for i := range 5_000 {
				must(t, os.Mkdir(fmt.Sprintf("%s/providers/%d", app, i), 0o755))
			}
			return nil
		}), nil, 0, `"cmd": "x"`},
	})
}

// TestHostileEnvironment checks that CUE's own variables do not affect a plan.
func TestHostileEnvironment(t *testing.T) {
	for _, kv := range []string{"CUE_DEBUG=openinline=0,strict", "CUE_DEBUG=nonsense", "CUE_EXPERIMENT=nonsense", "CUE_EXPERIMENT=embed,cmdreferencepkg", "CUE_REGISTRY=example.invalid", "CUE_CACHE_DIR=/dev/null", "CUE_CONFIG_DIR=/dev/null"} {
		k, v, _ := strings.Cut(kv, "=")
		t.Setenv(k, v)
		attack{kv, asConfig("import \"strings\"\n", `strings.Join(["a", "b"], " ")`), nil, 0, `"cmd": "a b"`}.sub(t, "nixpacks.cue")
		attack{kv, inApp("nixpacks.cue", "strat: cmd: \"x\"\n"), nil, 21, `unknown field "strat"`}.sub(t, "closedness")
	}
}

package providers_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"

	"github.com/nixpacks-cue/nixpacks/engine/app"
	"github.com/nixpacks-cue/nixpacks/engine/cases"
	"github.com/nixpacks-cue/nixpacks/engine/catalog"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// payload runs in a shell if it is unquoted, in double quotes, or naively put in single quotes.
const payload = "$(INJECTED)'$(INJECTED)"

// words matches possible names, versions and paths in an app's files.
var words = regexp.MustCompile(`[\w@./~^+-]*\w[\w@./~^+-]*`)

// TestHostileWords checks that a shell never runs a word from an app's files or file names. It uses every case of every
// provider as an app, and appends the payload to one word at a time: to words that also occur in the plan, once per place in
// a kind of file, or, with NIXPACKS_HOSTILE=all, to every word of every case.
func TestHostileWords(t *testing.T) {
	slow(t)
	all := os.Getenv("NIXPACKS_HOSTILE") == "all"
	var plans, seen atomic.Int64
	var tried sync.Map
	t.Run("cases", func(t *testing.T) {
		eachCase(t, 1, func(t *testing.T, c *catalog.Catalog, p *catalog.Provider, _ string, k *cases.Case) {
			files := k.Files()
			said := ""
			for _, f := range k.Want {
				if f.Name == "plan.json" || f.Name == "slim.json" {
					said += string(f.Data)
				}
			}
			for _, change := range hostile(files, func(word, place string) bool {
				if all {
					return true
				}
				if !strings.Contains(said, word) {
					return false
				}
				_, again := tried.LoadOrStore(p.Name+k.Packages+place, true)
				return !again
			}) {
				e := planned(t, c, p, change, k)
				plans.Add(1)
				if e == nil {
					continue
				}
				for _, cmd := range commands(e.Plan, e.Slim) {
					if !strings.Contains(cmd, "INJECTED") || chosen(files, cmd) {
						continue
					}
					seen.Add(1)
					if why := runs(t, cmd); why != "" {
						t.Errorf("%s: %s\n%s", changed(files, change), why, cmd)
					}
				}
				nixWords(t, files, change, e.Plan)
			}
		})
	})
	t.Logf("%d apps, %d commands with a word of theirs", plans.Load(), seen.Load())
	if seen.Load() < 20 {
		t.Errorf("only %d commands have a word of the app in them: is it put where it counts?", seen.Load())
	}
}

// nixWords checks that package names in a plan are not expressions that the app controls.
func nixWords(t *testing.T, files, change map[string]string, p *plan.Plan) {
	for _, ph := range p.Phases {
		for _, name := range slices.Concat(ph.NixPkgs, ph.NixLibs, ph.NixOverlays, ph.AptPkgs, []string{ph.NixpkgsArchive}) {
			if strings.Contains(name, "INJECTED") {
				t.Errorf("%s: a package is %s", changed(files, change), name)
			}
		}
	}
}

// hostile returns copies of the app, each with the payload in another place.
func hostile(files map[string]string, counts func(word, place string) bool) (out []map[string]string) {
	change := func(do func(m map[string]string)) {
		m := maps.Clone(files)
		do(m)
		out = append(out, m)
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		plain, mode, _ := strings.Cut(name, " ")
		if mode != "" {
			mode = " " + mode
		}
		parts := strings.Split(plain, "/")
		for i, part := range parts {
			ext := path.Ext(part)
			renamed := slices.Clone(parts)
			renamed[i] = strings.TrimSuffix(part, ext) + payload + ext
			if part == "" || !counts(strings.TrimSuffix(part, ext), "its name "+strconv.Itoa(len(parts)-i)+ext) {
				continue
			}
			change(func(m map[string]string) {
				delete(m, name)
				m[strings.Join(renamed, "/")+mode] = files[name]
			})
		}
		text := files[name]
		tried := map[string]bool{}
		for _, at := range words.FindAllStringIndex(text, -1) {
			line := text[strings.LastIndexByte(text[:at[0]], '\n')+1 : at[0]]
			if word := text[at[0]:at[1]]; tried[word] || !counts(word, path.Base(plain)+line) {
				continue
			} else {
				tried[word] = true
			}
			change(func(m map[string]string) { m[name] = text[:at[1]] + payload + text[at[1]:] })
		}
	}
	return out
}

// changed describes the difference between two apps.
func changed(files, change map[string]string) string {
	for _, name := range slices.Sorted(maps.Keys(change)) {
		if text, ok := files[name]; !ok {
			return "a file called " + name
		} else if text != change[name] {
			i := strings.Index(change[name], payload)
			return name + ": " + change[name][max(i-30, 0):min(i+len(payload)+10, len(change[name]))]
		}
	}
	return ""
}

// planned evaluates the provider for the app; it returns nil if the provider refuses the app.
func planned(t *testing.T, c *catalog.Catalog, p *catalog.Provider, files map[string]string, k *cases.Case) *catalog.Evaluation {
	dir := filepath.Join(t.TempDir(), "app")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	for name, text := range files {
		write(t, dir, name, []byte(text))
	}
	a, err := app.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	e, err := c.Request(a, catalog.Env{Packages: k.Packages, Variables: k.Env, Arch: k.Arch}).Evaluate(p.Name)
	if err != nil {
		if fault.CodeOf(err) != fault.Refused {
			t.Errorf("%v", err)
		}
		return nil
	}
	return e
}

func commands(p *plan.Plan, s *catalog.Slim) (out []string) {
	for _, name := range slices.Sorted(maps.Keys(p.Phases)) {
		out = append(out, p.Phases[name].Cmds...)
	}
	if p.Start != nil {
		out = append(out, p.Start.Cmd)
	}
	if s != nil && s.Own != nil {
		out = append(out, s.Own.Start.Cmd)
	}
	return out
}

// chosen reports whether a whole command occurs in the app's files: such a script is a command by design.
func chosen(files map[string]string, cmd string) bool {
	quoted, _ := json.Marshal(strings.TrimSpace(strings.ReplaceAll(cmd, payload, "")))
	for _, text := range files {
		if bytes.Contains([]byte(text), quoted) {
			return true
		}
	}
	return false
}

// runs returns how a shell would run the payload in a command, or "" if it would not. No program is executed.
func runs(t *testing.T, cmd string) (why string) {
	script, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(cmd), "")
	if err != nil {
		return "the shell cannot read it: " + err.Error()
	}
	nothing := func(interp.ExecHandlerFunc) interp.ExecHandlerFunc {
		return func(context.Context, []string) error { return nil }
	}
	r, err := interp.New(
		interp.StdIO(nil, io.Discard, io.Discard), interp.ExecHandlers(nothing),
		interp.CallHandler(func(_ context.Context, args []string) ([]string, error) {
			if args[0] == "INJECTED" {
				why = "the shell runs it"
			}
			return []string{"true"}, nil
		}),
		interp.OpenHandler(func(context.Context, string, int, fs.FileMode) (io.ReadWriteCloser, error) {
			return os.OpenFile(os.DevNull, os.O_RDWR, 0)
		}),
	)
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Run(context.Background(), script) // it may fail, because no program runs
	return why
}

func write(t *testing.T, dir, name string, data []byte) {
	name, executable := strings.CutSuffix(name, " mode=755")
	mode := os.FileMode(0o644)
	if executable {
		mode = 0o755
	}
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if strings.HasSuffix(name, "/") { // an empty directory
		if err := os.MkdirAll(path, 0o755); err != nil {
			t.Fatal(err)
		}
		return
	}
	if err := os.WriteFile(path, data, mode); err != nil {
		t.Fatal(err)
	}
}

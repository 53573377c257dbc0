package cli

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	yaml "go.yaml.in/yaml/v3"
)

// TestProvidersWalk performs the walk of docs/providers.md in an empty folder: it writes the files that have a name, runs
// the commands, and compares what they print. "…" stands for any text, alone on a line for any lines. Building and running
// happen where real builds are asked for.
func TestProvidersWalk(t *testing.T) {
	w := perform(t, "providers.md")
	if w.files < 5 || w.runs < 8 {
		t.Errorf("the walk is short: %d files, %d commands", w.files, w.runs)
	}
}

// TestPoliciesWalk performs docs/policies.md as TestProvidersWalk does its walk, and the commands of its pipelines that are
// this program's.
func TestPoliciesWalk(t *testing.T) {
	w := perform(t, "policies.md")
	if w.files < 8 || w.runs < 8 {
		t.Errorf("the walk is short: %d files, %d commands", w.files, w.runs)
	}
	runs := 0
	for _, file := range []string{".github/workflows/policy.yml", ".gitlab-ci.yml"} {
		text, err := os.ReadFile(filepath.Join(w.dir, file))
		if err != nil {
			t.Fatal(err)
		}
		if err := yaml.Unmarshal(text, new(any)); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		for _, m := range regexp.MustCompile(`(?m)- (?:run: )?(nixpacks .*)$`).FindAllSubmatch(text, -1) {
			runs++
			line := strings.NewReplacer("vet .", "vet app", "/tmp/policies", "policies").Replace(string(m[1]))
			w.commands(t, "$ "+line+" > out && test -s "+map[bool]string{true: "nixpacks.sarif", false: "out"}[strings.Contains(line, "sarif")])
		}
	}
	if runs != 2 {
		t.Errorf("%d commands in pipelines", runs)
	}
}

// TestLockWalk performs docs/lock.md.
func TestLockWalk(t *testing.T) {
	if w := perform(t, "lock.md"); w.files < 3 || w.runs < 2 {
		t.Errorf("the walk is short: %d files, %d commands", w.files, w.runs)
	}
}

// perform performs a document in an empty folder.
func perform(t *testing.T, doc string) *walk {
	t.Helper()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, "docs", doc))
	if err != nil {
		t.Fatal(err)
	}
	w := &walk{dir: t.TempDir(), env: append(os.Environ(), "NIXPACKS="+root, "XDG_CACHE_HOME="+t.TempDir(), "CUE_REGISTRY="+memoryRegistry(t))}
	if os.Getenv("NIXPACKS_E2E") != "" {
		w.real = true
		w.env = append(w.env, realHost(t)...)
	}
	block := regexp.MustCompile("(?ms)^```(\\w+)(?: (\\S+))?\n(.*?)^```$")
	for _, m := range block.FindAllSubmatch(text, -1) {
		switch kind, name, body := string(m[1]), string(m[2]), m[3]; {
		case name != "":
			w.write(t, name, body)
		case kind == "console":
			w.commands(t, string(body))
		default:
			t.Errorf("a block of %s without a file's name is not performed:\n%s", kind, body)
		}
	}
	return w
}

// walk is what has been done of a document.
type walk struct {
	dir         string
	env         []string
	real        bool // with real builds
	files, runs int
}

func (w *walk) write(t *testing.T, name string, body []byte) {
	t.Helper()
	w.files++
	path := filepath.Join(w.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, body, 0o644); err != nil {
		t.Fatal(err)
	}
}

// commands runs the lines of a block that begin with "$ "; the others are what the command before them prints.
func (w *walk) commands(t *testing.T, body string) {
	t.Helper()
	for _, part := range strings.Split("\n"+body, "\n$ ")[1:] {
		line, want, _ := strings.Cut(part, "\n")
		if !w.real && regexp.MustCompile(`^nixpacks (build|run|lock) |app/nixpacks\.lock`).MatchString(line) {
			continue
		}
		w.runs++
		cmd := exec.Command("bash", "-c", line)
		cmd.Dir, cmd.Env = w.dir, w.env
		out, _ := cmd.CombinedOutput() // of commands that fail, the document shows the message
		got := strings.TrimRight(string(bytes.ReplaceAll(out, []byte("\t"), []byte(" "))), "\n")
		if !printed(strings.TrimRight(want, "\n"), got) {
			t.Errorf("$ %s\n%s\nwant\n%s", line, got, want)
		}
	}
}

// printed tells whether a command printed what the document shows.
func printed(want, got string) bool {
	pattern := regexp.QuoteMeta("\n" + want + "\n")
	pattern = strings.ReplaceAll(pattern, "\n…\n", "\n(?:.*\n)*")
	pattern = strings.ReplaceAll(pattern, "…", ".*")
	return regexp.MustCompile("^" + pattern + "$").MatchString("\n" + got + "\n")
}

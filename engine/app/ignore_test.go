package app

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// ignoreFiles are .gitignore files by directory, and the paths to check against them.
var ignoreFiles = map[string]string{
	".gitignore": strings.Join([]string{
		"# comment", "", `\#hash`, `\!bang`, "*.log", "!keep.log", "/dist", "build/", "docs/*.txt", "a/**/z", "**/cache", "deep/**",
		"!deep/down", "trail ", `esc\ `, "sp ace", "[ab].c", "[!x].d", "foo*bar", "/web/", "!/web/keep", "un[closed", "x/", "?q",
		"node_modules", "/*.top", "mid/dle", `lit\*`, "**", "!*/", "!**",
	}, "\n") + "\n",
	"sub/.gitignore": "!*.log\n/dist\nown\r\n",
}

// withoutLast drops the lines that would decide every path.
func withoutLast(text string) string {
	return strings.TrimSuffix(text, "**\n!*/\n!**\n")
}

var ignorePaths = strings.Fields(`#hash !bang a.log keep.log dist x/dist build build/x src/build/y docs/a.txt docs/b/a.txt a/z a/b/z a/b/c/z z
	cache q/cache deep/x deep/down/y trail esc a.c c.c q/b.c y.d x.d foobar fooxbar foo/bar web/x web/keep y/web/x x x/x y/x aq q/aq
	node_modules/x sub/node_modules/y a.top sub/a.top mid/dle sub/mid/dle lit* litx sub/a.log sub/keep.log sub/dist sub/q/dist sub/own
	sub/q/own own sub/x.txt`)

// TestIgnore compares the results with git's. Every developer of this program has git.
func TestIgnore(t *testing.T) {
	files := map[string]string{".gitignore": withoutLast(ignoreFiles[".gitignore"]), "sub/.gitignore": ignoreFiles["sub/.gitignore"]}
	for _, p := range ignorePaths {
		files[p] = ""
		for q := range files { // a path that is a directory of another is no file
			if strings.HasPrefix(q, p+"/") {
				delete(files, p)
			}
		}
		for d := filepath.Dir(p); d != "."; d = filepath.Dir(d) {
			delete(files, d)
		}
	}
	a := open(t, files)
	got, err := a.Glob([]string{"**"}, GlobOptions{})
	if err != nil {
		t.Fatal(err)
	}
	git := func(args ...string) string {
		cmd := exec.Command("git", args...)
		cmd.Dir = a.Dir()
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %s: %v\n%s", args, err, out)
		}
		return string(out)
	}
	git("init", "-q")
	want := strings.FieldsFunc(git("ls-files", "-z", "--others", "--exclude-standard"), func(r rune) bool { return r == 0 })
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("not ignored here: %q\nnot ignored by git: %q", got, want)
	}
}

func FuzzIgnore(f *testing.F) {
	for _, text := range ignoreFiles {
		f.Add(text, "a/b/c.log", true)
	}
	f.Add("**/**/**/**/**/**/**/**/a/**/**/**/**/**/b", strings.Repeat("a/", 60)+"x", false)
	f.Fuzz(func(t *testing.T, text, name string, dir bool) {
		name, ok := clean(name)
		if !ok {
			return
		}
		found, ignored := parseRules("", text).ignored(name, dir)
		if ignored && !found {
			t.Error("ignored by no line")
		}
		// The last matching line decides.
		if found, ignored := parseRules("", text+"\n/**\n").ignored(name, dir); !found || !ignored {
			t.Error("not ignored by /**")
		}
	})
}

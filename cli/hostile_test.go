//go:build unix

package cli

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The limits of planning, as docs/security.md promises them for any app, configuration and provider.
const (
	mostTime   = 5 * time.Second // CPU time
	mostMemory = 500             // MB
	// Values that double one another may do so once more before the next check.
	mostEvaluated = 1024 // MB, for CUE whose evaluation grows without bound
)

// attack is a directory that an attacker wrote, and the expected result.
type attack struct {
	name string
	make func(t *testing.T, dir string) // dir holds the app in app, and maybe providers
	args []string                       // arguments of `nixpacks plan DIR`
	code int
	want string // on stderr, or on stdout if code is 0
}

// run runs the program as a separate process, and checks the limits.
func (a attack) run(t *testing.T) { a.within(t, mostMemory) }

func (a attack) within(t *testing.T, memory int64) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "app"), 0o755); err != nil {
		t.Fatal(err)
	}
	a.make(t, dir)
	cmd := exec.Command("nixpacks", append([]string{"plan", filepath.Join(dir, "app")}, a.args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_STATE_HOME="+dir, "XDG_CACHE_HOME="+dir)
	var out, words bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &words
	stuck := time.AfterFunc(2*time.Minute, func() { _ = cmd.Process.Kill() })
	err := cmd.Run()
	stuck.Stop()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	use := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	took := time.Duration(use.Utime.Nano() + use.Stime.Nano())
	t.Logf("%.2f s, %d MB", took.Seconds(), use.Maxrss>>10)
	if took > mostTime || use.Maxrss>>10 > memory {
		t.Errorf("it took %.2f s and %d MB", took.Seconds(), use.Maxrss>>10)
	}
	if code := cmd.ProcessState.ExitCode(); code != a.code {
		t.Errorf("exit code %d, want %d", code, a.code)
	}
	said := words.String()
	if a.code == 0 {
		said = out.String()
	}
	if !strings.Contains(said, a.want) {
		t.Errorf("it says\n%.2000s\nwant %s", said, a.want)
	}
	if bytes.Contains(words.Bytes(), []byte("goroutine ")) || bytes.Contains(words.Bytes(), []byte("panic")) || bytes.Contains(out.Bytes(), []byte("root:x:0:0")) {
		t.Errorf("it says\n%.2000s", words.String())
	}
}

// files returns a function that writes files, by their paths below the directory.
func files(all map[string]string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		for _, name := range slices.Sorted(maps.Keys(all)) {
			file := filepath.Join(dir, name)
			must(t, os.MkdirAll(filepath.Dir(file), 0o755))
			must(t, os.WriteFile(file, []byte(all[name]), 0o644))
		}
	}
}

// inApp is files for one file of the app.
func inApp(name, text string) func(*testing.T, string) {
	return files(map[string]string{"app/" + name: text})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func all(t *testing.T, attacks []attack) {
	for _, a := range attacks {
		t.Run(a.name, a.run)
	}
}

// TestHostileFiles plans apps whose files are dangerous to read: bombs, deep nesting, large sizes, and kinds of files that
// block.
func TestHostileFiles(t *testing.T) {
	slow(t)
	bomb := "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
	for i := 1; i < 12; i++ {
		bomb += fmt.Sprintf("a%d: &a%d [%s*a%d]\n", i, i, strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 8), i-1)
	}
	deep := strings.Repeat("[", 200_000)
	all(t, []attack{
		{"json wide, picked", files(map[string]string{"app/package.json": "{}", "app/a/package.json": `{"a": [` + strings.Repeat("[],", 15_000_000) + "[]]}"}), nil, 21, "the app takes too much"},
		{"json wide", inApp("package.json", `{"a": [`+strings.Repeat("[],", 80_000)+"[]]}"), nil, 21, "more than 50000 values"},
		{"json deep", inApp("package.json", `{"a":`+strings.Repeat("[", 9000)+strings.Repeat("]", 9000)+"}"), nil, 21, "nested deeper than 100 levels"},
		{"json deeper", inApp("package.json", deep), nil, 21, "package.json:1:10001"},
		{"json with comments, deep", inApp("deno.jsonc", deep), nil, 21, "deno.jsonc"},
		{"json numbers", inApp("package.json", `{"name": 1e999999999, "version": `+strings.Repeat("9", 100_000)+"}"), nil, 0, "npm"},
		{"json names twice", inApp("package.json", `{"scripts": {"start": "a"}, "scripts": {"start": "b"}}`), nil, 0, "npm run start"},
		{"toml deep", inApp("Cargo.toml", "a = "+deep), nil, 21, "Cargo.toml:1:10005"},
		{"toml names deep", inApp("pyproject.toml", "a"+strings.Repeat(".a", 8_000_000)+" = 1"), nil, 21, "the app takes too much"},
		{"yaml deep", inApp("shard.yml", deep), nil, 21, "exceeded max depth"},
		{"yaml bomb", inApp("shard.yml", bomb), nil, 21, "excessive aliasing"},
		{"yaml long", inApp("shard.yml", "name: x\nb: ["+strings.Repeat("a,", 10_000_000)+"a]\n"), nil, 21, "the app takes too much"},
		{"Procfile bomb", files(map[string]string{"app/Procfile": bomb, "app/main.go": ""}), nil, 0, "go build"},
		{"nixpacks.toml deep", inApp("nixpacks.toml", "a = "+deep), nil, 21, "nixpacks.toml:1:10005"},
		{"nixpacks.json deep", inApp("nixpacks.json", `{"a":`+deep), nil, 21, "nixpacks.json:1:10005"},
		{"not text", inApp("package.json", "{\"name\": \"\xff\"}"), nil, 21, "not UTF-8 text"},
		{"a huge manifest", func(t *testing.T, dir string) { sparse(t, dir+"/app/package.json", 1<<40) }, nil, 21, "package.json is larger than"},
		{"huge sources", hugeSources, nil, 21, "the app takes too much"},
		{"pipes and devices", special, nil, 21, "is not a regular file"},
		{"links out of the app", linksOut, nil, 21, "symlinks that lead outside the app's directory are not followed"},
		{"100,000 files", manyFiles, nil, 0, "npm"},
		{"20,000 folders", manyFolders, nil, 20, "no provider knows"},
		{"folders in folders", func(t *testing.T, dir string) { must(t, os.MkdirAll(dir+"/app/"+strings.Repeat("d/", 1000), 0o755)) }, nil, 21, "more than 200 folders deep"},
	})
}

// slow skips a test that uses up its limits many times, except in CI and on request.
func slow(t *testing.T) {
	if os.Getenv("NIXPACKS_E2E") == "" && os.Getenv("NIXPACKS_HOSTILE") == "" {
		t.Skip("set NIXPACKS_HOSTILE or NIXPACKS_E2E to run it")
	}
}

func sparse(t *testing.T, file string, size int64) {
	f, err := os.Create(file)
	must(t, err)
	must(t, f.Truncate(size))
	must(t, f.Close())
}

func hugeSources(t *testing.T, dir string) {
	must(t, os.WriteFile(dir+"/app/main.py", nil, 0o644))
	for i := range 300 {
		sparse(t, fmt.Sprintf("%s/app/m%d.py", dir, i), 60<<20)
	}
}

// special makes an app of special files.
func special(t *testing.T, dir string) {
	for _, name := range []string{"Procfile", "main.go", "go.mod", "package.json", "requirements.txt", ".gitignore"} {
		must(t, syscall.Mkfifo(dir+"/app/"+name, 0o644))
	}
	must(t, os.Symlink("/dev/zero", dir+"/app/Cargo.toml"))
	must(t, os.WriteFile(dir+"/app/index.html", nil, 0o644))
	must(t, os.Remove(dir+"/app/.gitignore"))
	must(t, syscall.Mkfifo(dir+"/app/nixpacks.toml", 0o644))
}

// linksOut makes a site with symlinks to files outside of it, under every name that is looked for.
func linksOut(t *testing.T, dir string) {
	must(t, os.WriteFile(dir+"/app/index.html", nil, 0o644))
	for _, name := range []string{"main.go", "composer.lock", "requirements.txt", "Gemfile.lock", "mime.types", "Staticfile.auth"} {
		must(t, os.Symlink("/etc/passwd", dir+"/app/"+name))
	}
	must(t, os.Symlink("/etc", dir+"/app/public"))
	must(t, os.Symlink("../../../../../../../../etc", dir+"/app/dist"))
}

func manyFiles(t *testing.T, dir string) {
	must(t, os.WriteFile(dir+"/app/package.json", []byte("{}"), 0o644))
	odd := []string{"$(touch x)", "new\nline", `"quo'te`, "-rf", "a\xffb", "*", ";x", "`x`"}
	for i := range 1000 {
		below := fmt.Sprintf("%s/app/%s%d", dir, odd[i%len(odd)], i)
		must(t, os.Mkdir(below, 0o755))
		for j := range 100 {
			must(t, os.WriteFile(fmt.Sprintf("%s/%d.%s.js", below, j, odd[j%len(odd)]), nil, 0o644))
		}
	}
}

func manyFolders(t *testing.T, dir string) {
	for i := range 20_000 {
		must(t, os.Mkdir(fmt.Sprintf("%s/app/%d", dir, i), 0o755))
	}
}

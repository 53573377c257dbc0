//go:build linux

// Package faults has whole builds killed, interrupted, left without room, and run in numbers; docs/security.md says what they
// promise.
package faults

import (
	"bytes"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/nixpacks-cue/nixpacks/cli"
	"github.com/nixpacks-cue/nixpacks/engine/buildkitd"
	"github.com/nixpacks-cue/nixpacks/engine/image"
)

func TestMain(m *testing.M) {
	if handled, code := buildkitd.Main(); handled { // this binary is also the engine and its runtime
		os.Exit(code)
	}
	testscript.Main(m, map[string]func(){"nixpacks": func() { os.Exit(cli.Main(os.Args)) }})
}

// needBuilds ends a test where real builds were not asked for.
func needBuilds(t testing.TB) {
	t.Helper()
	if os.Getenv("NIXPACKS_E2E") == "" {
		t.Skip("set NIXPACKS_E2E=1 for real builds: minutes, and network")
	}
}

// number is how many of something a test does: short, or what a variable says for the long form.
func number(t testing.TB, variable string, short int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return short
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s=%q is no number", variable, text)
	}
	return n
}

// chance is a source of random numbers. Its seed is printed, and NIXPACKS_FAULTS_SEED repeats it.
func chance(t testing.TB) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("NIXPACKS_FAULTS_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("NIXPACKS_FAULTS_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// site is a machine's user, as far as builds can tell: places for the state, caches, temporary files and outputs.
type site struct {
	t   testing.TB
	dir string
	env []string // beside this process's own
}

// newSite makes a site that shares this machine's bases.
func newSite(t testing.TB) *site {
	t.Helper()
	dir, err := os.MkdirTemp("", "nixpacks-faults")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return siteIn(t, dir)
}

func siteIn(t testing.TB, dir string) *site {
	t.Helper()
	s := &site{t: t, dir: dir}
	for _, d := range []string{"state", "tmp", "out"} {
		if err := os.MkdirAll(s.at(d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	s.env = []string{"XDG_STATE_HOME=" + s.at("state"), "TMPDIR=" + s.at("tmp"), "XDG_CACHE_HOME=" + cache}
	return s
}

func (s *site) at(elem ...string) string { return filepath.Join(append([]string{s.dir}, elem...)...) }

// nixpacks is a run of the program here.
func (s *site) nixpacks(args ...string) *exec.Cmd {
	cmd := exec.Command("nixpacks", args...) // testscript puts it on PATH
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "NIXPACKS_") { // those are this test's own, and nixpacks would speak of them
			cmd.Env = append(cmd.Env, kv)
		}
	}
	cmd.Env = append(cmd.Env, s.env...)
	return cmd
}

// good runs the program, which must succeed, and gives what it says.
func (s *site) good(args ...string) string {
	s.t.Helper()
	text, code := s.any(args...)
	if code != 0 {
		s.t.Fatalf("nixpacks %q: exit %d\n%s", args, code, text)
	}
	return text
}

// any runs the program and gives what it says and its exit code.
func (s *site) any(args ...string) (string, int) {
	s.t.Helper()
	cmd := s.nixpacks(args...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	_ = cmd.Run()
	return said.String(), cmd.ProcessState.ExitCode()
}

// app writes an app's files, NAME: TEXT.
func app(t testing.TB, dir string, files map[string]string) string {
	t.Helper()
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// plain is a nixpacks.toml for a bare Debian with phases as given.
func plain(phases string) string {
	return "buildImage = \"debian://trixie\"\npackages = \"apt\"\nproviders = []\n" + phases + "[start]\ncmd = \"cat built\"\n"
}

// digest is that of the image at a path; "" where there is none.
func digest(t testing.TB, path string) string {
	t.Helper()
	img, err := image.Open(path, image.Select{})
	if err != nil {
		return ""
	}
	defer img.Close()
	return img.Desc.Digest.String()
}

// short cuts what is said down to its end.
func short(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-12):], "\n")
}

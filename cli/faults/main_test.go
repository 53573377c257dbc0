//go:build linux

// Package faults kills and interrupts whole builds, takes away their disk space, and runs many of them. docs/security.md
// says what the builds promise.
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

// needBuilds skips a test if real builds are not enabled.
func needBuilds(t testing.TB) {
	t.Helper()
	if os.Getenv("NIXPACKS_E2E") == "" {
		t.Skip("set NIXPACKS_E2E=1 for real builds: minutes, and network")
	}
}

// number returns how many repetitions a test does: short, or the value of a variable for the long form.
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

// chance returns a source of random numbers. It prints the seed, and NIXPACKS_FAULTS_SEED sets it.
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

// site is what builds know of a user on a machine: directories for the state, caches, temporary files and outputs.
type site struct {
	t   testing.TB
	dir string
	env []string // added to the environment of this process
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

// nixpacks returns a command that runs the program on this site.
func (s *site) nixpacks(args ...string) *exec.Cmd {
	cmd := exec.Command("nixpacks", args...) // testscript puts it on PATH
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "NIXPACKS_") { // these are for the test, and nixpacks would print notes about them
			cmd.Env = append(cmd.Env, kv)
		}
	}
	cmd.Env = append(cmd.Env, s.env...)
	return cmd
}

// good runs the program, which must succeed, and returns its output.
func (s *site) good(args ...string) string {
	s.t.Helper()
	text, code := s.any(args...)
	if code != 0 {
		s.t.Fatalf("nixpacks %q: exit %d\n%s", args, code, text)
	}
	return text
}

// any runs the program, and returns its output and exit code.
func (s *site) any(args ...string) (string, int) {
	s.t.Helper()
	cmd := s.nixpacks(args...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	_ = cmd.Run()
	return said.String(), cmd.ProcessState.ExitCode()
}

// app writes the files of an app, NAME: TEXT.
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

// plain returns a nixpacks.toml with the given phases on a plain Debian.
func plain(phases string) string {
	return "buildImage = \"debian://trixie\"\npackages = \"apt\"\nproviders = []\n" + phases + "[start]\ncmd = \"cat built\"\n"
}

// digest returns the digest of the image at a path; "" if there is none.
func digest(t testing.TB, path string) string {
	t.Helper()
	img, err := image.Open(path, image.Select{})
	if err != nil {
		return ""
	}
	defer img.Close()
	return img.Desc.Digest.String()
}

// short returns the end of a long text.
func short(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-12):], "\n")
}

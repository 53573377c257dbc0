//go:build linux

package faults

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// measured runs the program, and returns its output, its duration, and its peak memory in MB.
func (s *site) measured(args ...string) (out string, took time.Duration, peak int64) {
	s.t.Helper()
	cmd := s.nixpacks(args...)
	var said, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &errs
	began := time.Now()
	if err := cmd.Run(); err != nil {
		s.t.Fatalf("%q: %v\n%s", args, err, short(errs.String()))
	}
	return said.String(), time.Since(began), cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss >> 10
}

// TestSoakPhases plans, lowers and builds a plan of 500 phases, of which as many as possible have a command.
func TestSoakPhases(t *testing.T) {
	needBuilds(t)
	const phases = 500
	run := 12 // number of phases with a command
	if number(t, "NIXPACKS_SOAK", 0) > 0 {
		run = 450
	}
	s := newSite(t)
	said, code := s.any("llb", phased(t, phases, phases))
	if code != 21 || !strings.Contains(said, "the plan has 500 commands, but at most 450 are supported") {
		t.Errorf("with 500 commands: exit %d\n%s", code, short(said))
	}
	dir := phased(t, phases, run)
	out, took, peak := s.measured("plan", dir)
	t.Logf("plan: %v, %d MB", took.Round(time.Millisecond), peak)
	if n := strings.Count(out, `"p`); n < phases {
		t.Errorf("the plan has %d phases", n)
	}
	out, took, peak = s.measured("llb", dir)
	t.Logf("llb: %v, %d MB, %d kB", took.Round(time.Millisecond), peak, len(out)>>10)
	_, took, _ = s.measured("build", "--progress", "quiet", "--output", "type=local,dest="+s.at("out/files"), dir)
	t.Logf("build of %d commands: %v", run, took.Round(time.Millisecond))
	built, err := os.ReadFile(s.at("out/files/app/built"))
	if lines := strings.Fields(string(built)); err != nil || len(lines) != run || lines[run-1] != fmt.Sprint(run-1) {
		t.Errorf("built: %q, %v", built, err)
	}
	_, took, _ = s.measured("build", "--progress", "quiet", "-n", "app", dir)
	t.Logf("its image: %v", took.Round(time.Millisecond))
	if out, _, _ := s.measured("run", "--progress", "quiet", "app", "--", "wc -l < built"); strings.TrimSpace(out) != fmt.Sprint(run) {
		t.Errorf("the image says %q", out)
	}
}

// phased is an app with the given number of phases, one after another. The first run of them have a command.
func phased(t testing.TB, phases, run int) string {
	t.Helper()
	var text strings.Builder
	for i := range phases {
		fmt.Fprintf(&text, "[phases.p%03d]\n", i)
		if i > 0 {
			fmt.Fprintf(&text, "dependsOn = [\"p%03d\"]\n", i-1)
		}
		if i < run {
			fmt.Fprintf(&text, "cmds = [\"echo %d >> built\"]\n", i)
		}
	}
	return app(t, t.TempDir(), map[string]string{"nixpacks.toml": plain(text.String())})
}

// TestSoakFiles plans and builds an app with very many files.
func TestSoakFiles(t *testing.T) {
	needBuilds(t)
	files, long := 10_000, number(t, "NIXPACKS_SOAK", 0) > 0
	if long {
		files = 100_000
	}
	s, dir := newSite(t), t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../../examples/node-express")); err != nil {
		t.Fatal(err)
	}
	for i := range files {
		file := filepath.Join(dir, fmt.Sprintf("packages/part%d/src/module%d.js", i/100, i))
		if i%100 == 0 {
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(file, []byte(fmt.Sprintf("export const answer = %d;\n", i)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	_, took, peak := s.measured("plan", dir)
	t.Logf("plan of %d files: %v, %d MB", files, took.Round(time.Millisecond), peak)
	if peak > 500 || took > time.Minute { // loose, since the machine may be busy; the long form on a quiet one logs the seconds
		t.Errorf("the plan takes %v and %d MB", took, peak)
	}
	if !long {
		return
	}
	if took > 5*time.Second {
		t.Errorf("the plan takes %v", took)
	}
	if err := os.Remove(filepath.Join(dir, "nixpacks.cue")); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	app(t, dir, map[string]string{"nixpacks.toml": plain("[phases.build]\ncmds = [\"find packages -name 'module*.js' | wc -l > built\"]\n")})
	for _, what := range []string{"build", "build after an edit"} {
		_, took, peak = s.measured("build", "--progress", "quiet", "-n", "app", dir)
		t.Logf("%s: %v, %d MB", what, took.Round(time.Millisecond), peak)
		app(t, dir, map[string]string{"packages/part0/src/module0.js": "export const answer = 42;\n"})
	}
	if out, _, _ := s.measured("run", "--progress", "quiet", "app"); strings.TrimSpace(out) != fmt.Sprint(files) {
		t.Errorf("the image says %q", out)
	}
}

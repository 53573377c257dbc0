//go:build linux

package cli

import (
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/containerd/console"
)

// terminal returns a terminal of the given width to print to.
func terminal(t *testing.T, width uint16) *os.File {
	t.Helper()
	c, name, err := console.NewPty()
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close(); c.Close() })
	if err := c.Resize(console.WinSize{Width: width, Height: 40}); err != nil {
		t.Fatal(err)
	}
	return f
}

func fill(w *table) string {
	w.row("image", "debian://trixie")
	w.section("install")
	w.row("  run", "cp -r /a/very/long/path/that/goes/on /another/path && "+strings.Repeat("ü", 90)+" && make")
	w.row("  after", "setup")
	w.section("values")
	w.row("  phases.install.cmds", "[\"npm ci --a --b --c --d --e --f\"]", "provider node (providers/node/plan.cue:1:1)")
	w.list("    not found  ", []string{"yarn.lock", "pnpm-lock.yaml", "bun.lockb or bun.lock", "a.lock", "b.lock"})
	w.row("    a line of one cell that goes on and on until it is wider than the terminal is, which is not wide\x1b[31m")
	return string(w.text())
}

// TestTable checks that in a terminal no line is too wide and no text is lost, and that elsewhere each row is one line.
func TestTable(t *testing.T) {
	plain := fill(newTable(&Host{Stdout: &strings.Builder{}}))
	if n := strings.Count(plain, "\n"); n != 10 || strings.Contains(plain, "\x1b") || !strings.Contains(plain, `\u001b[31m`) {
		t.Errorf("without a terminal there are %d lines:\n%s", n, plain)
	}
	words := func(s string) []string {
		s = strings.NewReplacer("\x1b[1m", "", "\x1b[0m", "").Replace(s)
		out := strings.Split(strings.Join(strings.Fields(s), ""), "")
		slices.Sort(out) // cells on several lines are interleaved
		return out
	}
	for _, width := range []uint16{40, 60, 80, 200} {
		text := fill(newTable(&Host{Stdout: terminal(t, width)}))
		for line := range strings.Lines(text) {
			line = strings.NewReplacer("\x1b[1m", "", "\x1b[0m", "", "\n", "").Replace(line)
			if n := utf8.RuneCountInString(line); n > int(width) && width >= 80 { // columns do not shrink below 24
				t.Errorf("in %d: a line of %d: %s", width, n, line)
			}
		}
		if !slices.Equal(words(text), words(plain)) {
			t.Errorf("in %d there is another text:\n%s", width, text)
		}
		if !strings.Contains(text, "\x1b[1minstall\x1b[0m") {
			t.Errorf("in %d titles are not bold", width)
		}
	}
	for _, env := range []string{"NO_COLOR=1", "TERM=dumb"} {
		if text := fill(newTable(&Host{Stdout: terminal(t, 80), Environ: []string{env}})); strings.Contains(text, "\x1b") {
			t.Errorf("%s: %q", env, text)
		}
	}
}

func TestBroken(t *testing.T) {
	for _, tc := range []struct {
		text  string
		width int
		want  string
	}{
		{"one two three", 7, "one two|three"},
		{"one two three", 100, "one two three"},
		{"abcdefghij", 4, "abcd|efgh|ij"},
		{"  run: make all", 11, "  run: make|    all"},
		{"a bcdefghijk", 6, "a bcde|fghijk"},
		{"", 5, ""},
	} {
		if got := strings.Join(breakLines(tc.text, tc.width), "|"); got != tc.want {
			t.Errorf("%q in %d: %s", tc.text, tc.width, got)
		}
	}
}

package fault

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestPrint(t *testing.T) {
	f := New(Refused, "unknown field %q", "buildd").
		WithPos(Pos{File: "nixpacks.cue", Line: 2, Col: 2}, Pos{File: "schema/plan.cue", Line: 9}).
		WithSource([]byte("phases: {\n\tbuildd: {}\n}\n")).
		WithHint("did you mean %q?", "build")
	f.Err = errors.New("inner")
	var b strings.Builder
	Print(&b, fmt.Errorf("planning: %w", f), true)
	want := "error: unknown field \"buildd\"\n" +
		"  nixpacks.cue:2:2\n" +
		"    \tbuildd: {}\n" +
		"    \t^\n" +
		"  schema/plan.cue:9\n" +
		"  did you mean \"build\"?\n" +
		"  cause: inner\n"
	if b.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", b.String(), want)
	}
}

// Only the part around the position of a very long line is shown.
func TestPrintLongLine(t *testing.T) {
	text := strings.Repeat("ä", 500) + "X" + strings.Repeat("ä", 500)
	f := New(Refused, "m").WithPos(Pos{File: "f", Line: 1, Col: 1001}).WithSource([]byte(text))
	var b strings.Builder
	Print(&b, f, false)
	lines := strings.Split(b.String(), "\n")
	if len(lines) < 4 || len(lines[2]) > 200 {
		t.Fatalf("%q", lines)
	}
	mark := strings.IndexRune(lines[3], '^')
	if r := []rune(lines[2]); mark >= len(r) || r[mark] != 'X' {
		t.Errorf("the mark is not below X:\n%s", b.String())
	}
}

// The escaped JSON decodes to the same values.
func TestVisibleJSON(t *testing.T) {
	const bad = "\x1b]0;title\a\u007f\u009b2J\u202e\U000e0041\r\n\u2028\"\\\u00e9\U0001f600"
	var b strings.Builder
	if err := PrintJSON(&b, New(Refused, "%s", bad)); err != nil {
		t.Fatal(err)
	}
	const want = `{"errors":[{"code":21,"message":"\u001b]0;title\u0007\u007f\u009b2J\u202e\udb40\udc41\r\n\u2028\"\\é😀"}]}` + "\n"
	if b.String() != want {
		t.Errorf("got:\n%q\nwant:\n%q", b.String(), want)
	}
	var read struct{ Errors []struct{ Message string } }
	if err := json.Unmarshal([]byte(b.String()), &read); err != nil || read.Errors[0].Message != bad {
		t.Errorf("read back: %q, %v", read.Errors, err)
	}
}

// Text from an untrusted file contains nothing that acts on the reader's terminal.
func TestPrintHostile(t *testing.T) {
	const bad = "\x1b]0;title\a\u009b2J\u202e\r"
	const shown = `\u001b]0;title\u0007\u009b2J\u202e\u000d`
	f := New(Refused, "message %s", bad).WithPos(Pos{File: "file" + bad, Line: 1, Col: 2 + len(bad), Label: "label" + bad}).
		WithSource([]byte("x"+bad+"y")).WithHint("hint\nmore %s", bad)
	f.Detail, f.Err = "detail "+bad+"\n\tmore", errors.New("inner "+bad)
	var b strings.Builder
	Print(&b, f, true)
	want := "error: message " + shown + "\n" +
		"  file" + shown + ":1:" + fmt.Sprint(2+len(bad)) + " (label" + shown + ")\n" +
		"    x" + shown + "y\n" +
		"    " + strings.Repeat(" ", 1+len(shown)) + "^\n" +
		"  detail " + shown + "\n  \tmore\n" +
		"  hint\n  more " + shown + "\n" +
		"  cause: inner " + shown + "\n"
	if b.String() != want {
		t.Errorf("got:\n%q\nwant:\n%q", b.String(), want)
	}
}

// A name of several megabytes in an untrusted file is neither printed whole nor compared with the known names.
func TestPrintLongName(t *testing.T) {
	name, known := strings.Repeat("né", 1<<21), []string{"phases", "start"}
	if n := testing.AllocsPerRun(1, func() { Suggest(name, known) }); n > 100 {
		t.Errorf("%v allocations to find a name that is like it", n)
	}
	var b strings.Builder
	Print(&b, New(Refused, "unknown field %q", name).WithHint("%s", DidYouMean(name, known)), false)
	got := b.String()
	if len(got) > 2*maxMessage || !utf8.ValidString(got) || !strings.HasPrefix(got, "error: unknown field \"né") || !strings.HasSuffix(got, "né\"\n  known: phases, start\n") {
		t.Errorf("%d bytes: %.60q … %q", len(got), got, got[max(0, len(got)-60):])
	}
}

func TestCodes(t *testing.T) {
	a, b := New(TryAgain, "a"), New(Refused, "b")
	for _, c := range []struct {
		err  error
		code Code
		n    int
	}{
		{nil, OK, 0},
		{errors.New("plain"), Bug, 1},
		{errors.Join(a, b), TryAgain, 2},
		{fmt.Errorf("x: %w", b), Refused, 1},
		{Wrap(Bug, fmt.Errorf("x: %w", b), "y"), Refused, 1},
	} {
		if CodeOf(c.err) != c.code || len(All(c.err)) != c.n {
			t.Errorf("%v: code %d, %d faults", c.err, CodeOf(c.err), len(All(c.err)))
		}
	}
}

func TestSuggest(t *testing.T) {
	names := []string{"build", "install", "setup", "cmds"}
	for got, want := range map[string]string{"buildd": "build", "biuld": "build", "instal": "install", "cmd": "cmds", "xyz": "", "deploy": ""} {
		if s := Suggest(got, names); s != want {
			t.Errorf("Suggest(%q) = %q, want %q", got, s, want)
		}
	}
}

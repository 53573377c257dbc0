package examples

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/nixpacks-cue/nixpacks/engine/solve"
)

// Programs of Debian's smallest image: one that ends with code 7 when it is asked to end, one that knows nothing of
// signals, one that starts a command as npm does: in a shell, to which it passes SIGTERM, while it takes SIGINT to be known
// to all; and one that ends in the moment when the first process hears of SIGINT.
const (
	handles = `$| = 1; $SIG{$_} = sub { print "got $_[0]\n"; exit 7 } for qw(TERM INT HUP); print "ready\n"; sleep 1 while 1`
	plain   = `$| = 1; print "ready\n"; sleep 1 while 1`
	starts  = `$p = fork // die; exec "/bin/sh", "-c", "perl handles.pl; true" unless $p; $SIG{TERM} = sub { kill TERM => $p }; $SIG{INT} = sub {}; 1 while wait != $p; $SIG{TERM} = "DEFAULT"; kill TERM => $$ if $? & 127; exit $? >> 8`
	ends    = `$SIG{INT} = "IGNORE"; kill INT => 1; exit 7`
)

// signalCases are start commands; of each, how many programs say that they are ready, the signal, the exit code, and how
// many programs say that they got it.
var signalCases = []struct {
	cmd    string
	ready  int
	signal syscall.Signal
	exit   int
	got    int
}{
	{"perl handles.pl", 1, syscall.SIGTERM, 7, 1},
	{"perl handles.pl", 1, syscall.SIGHUP, 7, 1},
	{"perl plain.pl", 1, syscall.SIGTERM, 143, 0}, // at once, not killed after the grace, which is 137
	{"perl handles.pl", 1, syscall.SIGINT, 7, 1},
	{"perl plain.pl", 1, syscall.SIGINT, 130, 0},
	{"FOO=1 perl handles.pl", 1, syscall.SIGTERM, 7, 1},
	{"true && perl handles.pl", 1, syscall.SIGTERM, 7, 1},
	{"perl handles.pl & perl handles.pl", 2, syscall.SIGTERM, -1, 2},
	{"(perl handles.pl &) ; perl handles.pl", 2, syscall.SIGTERM, -1, 2},
	{"true && (perl handles.pl & perl handles.pl)", 2, syscall.SIGTERM, -1, 2},
	{"perl handles.pl; echo got no end", 1, syscall.SIGTERM, 143, 1},
	{"perl starts.pl", 1, syscall.SIGTERM, 143, 1},
	{"perl starts.pl", 1, syscall.SIGINT, 143, 1},
	{"./start", 1, syscall.SIGTERM, 143, 1},
}

// TestSignals starts one image with many commands, and asks each to end: every program hears of it, once.
func TestSignals(t *testing.T) {
	t.Parallel() // it waits more than it computes
	needReal(t)
	app := t.TempDir()
	for name, text := range map[string]string{
		"handles.pl": handles, "plain.pl": plain, "starts.pl": starts, "ends.pl": ends, "start": "#!/bin/sh\nperl handles.pl\nexit 1\n",
		"nixpacks.toml": "packages = \"apt\"\nproviders = []\n[phases.build]\ncmds = [\"chmod +x start\"]\n[start]\ncmd = \"exit 5\"\n",
	} {
		if err := os.WriteFile(filepath.Join(app, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	image := filepath.Join(t.TempDir(), "image")
	build(t, program(t), app, []string{"--output", "type=oci,tar=false,dest=" + image})
	engine := sharedEngine(t)
	run := func(req solve.RunRequest) int {
		req.Path, req.Stderr = image, os.Stderr
		code, err := engine.Run(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		return code
	}
	if code := run(solve.RunRequest{Stdout: os.Stderr}); code != 5 {
		t.Errorf("the app's own command ends with %d", code)
	}
	var out bytes.Buffer
	if code := run(solve.RunRequest{Cmd: []string{"cat", "/dev/stdin"}, Stdin: strings.NewReader("a line"), Stdout: &out}); code != 0 || out.String() != "a line" {
		t.Errorf("cat ends with %d and has copied %q", code, out.String())
	}
	for range 20 {
		if code := run(solve.RunRequest{Cmd: []string{"perl ends.pl"}}); code != 7 {
			t.Fatalf("a program that ends while the first process hears of a signal ends with %d", code)
		}
	}
	for _, c := range signalCases {
		w := &readyWriter{want: c.ready, signals: make(chan os.Signal, 1), signal: c.signal}
		code := run(solve.RunRequest{Cmd: []string{c.cmd}, Stdout: w, Signals: w.signals})
		if got := strings.Count(w.text.String(), "got "); got != c.got || code != c.exit && c.exit >= 0 || code == 137 {
			t.Errorf("%s, %s: exit %d, %d heard of it:\n%s", c.cmd, c.signal, code, got, w.text.String())
		}
	}
}

// readyWriter sends a signal once as many programs as it wants have said that they are ready.
type readyWriter struct {
	mu      sync.Mutex
	text    bytes.Buffer
	want    int
	signal  os.Signal
	signals chan os.Signal
}

func (w *readyWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	before := strings.Count(w.text.String(), "ready\n")
	w.text.Write(p)
	if now := strings.Count(w.text.String(), "ready\n"); before < w.want && now >= w.want {
		w.signals <- w.signal
	}
	return len(p), nil
}

package solve

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/containerd/console"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// ready builds an image whose app runs the start command.
func ready(t *testing.T, e *Engine, start string) string {
	t.Helper()
	return build(t, e, layoutOf(t, appDir(t, "main.txt:one"), appPlan(t, start, "echo"))).Outputs[0].Dest
}

// buffer can be read while it is written.
type buffer struct {
	mu   sync.Mutex
	b    bytes.Buffer
	seen func(text string) // called after every write
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n, err := b.b.Write(p)
	if b.seen != nil {
		b.seen(b.b.String())
	}
	return n, err
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func TestRun(t *testing.T) {
	e := engine(t)
	path := ready(t, e, "env A; env FROM_BASE; pwd; exit 7")
	for _, c := range []struct {
		name string
		req  RunRequest
		want string
		code int
	}{
		{"as it is", RunRequest{}, "\nyes\n/app 0\n", 7},
		{"variables", RunRequest{Env: []string{"A=1", "FROM_BASE=no", "A=2"}}, "2\nno\n/app 0\n", 7},
		{"another command", RunRequest{Cmd: []string{"echo hi"}}, "hi\n", 0},
		{"another command in words", RunRequest{Cmd: []string{"echo", "hi", "there"}}, "hi there\n", 0},
		{"user and folder", RunRequest{Cmd: []string{"pwd"}, User: "nobody", Dir: "/tmp"}, "/tmp 99\n", 0},
		{"input", RunRequest{Cmd: []string{"stdin"}, Stdin: strings.NewReader("typed")}, "typed", 0},
		{"no terminal", RunRequest{Cmd: []string{"tty"}}, "no terminal\n", 0},
		{"status 255", RunRequest{Cmd: []string{"exit 255"}}, "", 255},
	} {
		var out buffer
		c.req.Path, c.req.Stdout, c.req.Stderr = path, &out, testLog{t}
		code, err := e.Run(t.Context(), c.req)
		if err != nil || code != c.code || out.String() != c.want {
			t.Errorf("%s: %q, exit %d, %v", c.name, out.String(), code, err)
		}
	}
}

func TestRunRefused(t *testing.T) {
	e := engine(t)
	_, err := e.Run(t.Context(), RunRequest{Path: filepath.Join(t.TempDir(), "absent")})
	wantFault(t, err, fault.Usage, "there is no image at")
	dir := filepath.Join(t.TempDir(), "bare")
	if err := writeImage(dir, nil, ocispecs.ImageConfig{}); err != nil {
		t.Fatal(err)
	}
	_, err = e.Run(t.Context(), RunRequest{Path: dir})
	wantFault(t, err, fault.Usage, "has no command to run")
	remote := &Engine{where: "tcp://builder:1234"}
	_, err = remote.Run(t.Context(), RunRequest{Path: dir})
	wantFault(t, err, fault.Usage, "images run only on the embedded engine, not on tcp://builder:1234")
}

// The app uses the host network and listens on the port that it was given. Signals reach it, and Run returns its exit
// code.
func TestRunServes(t *testing.T) {
	e := engine(t)
	path := ready(t, e, "serve")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	_, port, _ := net.SplitHostPort(addr)
	for _, sig := range []os.Signal{syscall.SIGTERM, syscall.SIGINT} {
		var out buffer
		signals := make(chan os.Signal, 1)
		answered := make(chan string, 1)
		code, err := e.Run(t.Context(), RunRequest{
			Path: path, Env: []string{"PORT=" + port}, Stdout: &out, Stderr: testLog{t}, Signals: signals,
			Started: func(ctx context.Context) {
				answered <- ask(ctx, "http://"+addr+"/x")
				signals <- sig
			},
		})
		if got := <-answered; got != "hello from /x\n" {
			t.Errorf("the app answers %q", got)
		}
		if want := "got " + sig.String() + "\n"; err != nil || code != 3 || out.String() != want {
			t.Errorf("%v: exit %d, %v, output %q", sig, code, err, out.String())
		}
	}
}

// ask polls until the app answers.
func ask(ctx context.Context, url string) string {
	for ctx.Err() == nil {
		if r, err := http.Get(url); err == nil {
			defer r.Body.Close()
			raw, _ := io.ReadAll(r.Body)
			return string(raw)
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
		}
	}
	return "nothing"
}

func TestRunEnds(t *testing.T) {
	e := engine(t)
	path := ready(t, e, "deaf")
	for name, c := range map[string]struct {
		grace time.Duration
		end   func(signals chan<- os.Signal, cancel func())
	}{
		"the grace ends": {100 * time.Millisecond, func(s chan<- os.Signal, _ func()) { s <- syscall.SIGTERM }},
		"asked twice":    {time.Hour, func(s chan<- os.Signal, _ func()) { s <- syscall.SIGINT; s <- syscall.SIGINT }},
		"cancelled":      {time.Millisecond, func(_ chan<- os.Signal, cancel func()) { cancel() }},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		signals := make(chan os.Signal, 2)
		var once sync.Once
		out := &buffer{seen: func(string) { once.Do(func() { c.end(signals, cancel) }) }}
		lingers := 0
		code, err := e.Run(ctx, RunRequest{
			Path: path, Stdout: out, Stderr: out, Signals: signals, Grace: c.grace, Lingers: func() { lingers++ }})
		if err != nil || code != 137 {
			t.Errorf("%s: exit %d, %v", name, code, err)
		}
		if name == "the grace ends" && lingers != 1 {
			t.Errorf("%s: that the app lingers was said %d times", name, lingers)
		}
		cancel()
		for _, p := range processes(t) {
			if strings.Contains(p, "-c deaf") {
				t.Errorf("%s: still there: %s", name, p)
			}
		}
	}
}

// processes lists the command lines of all processes.
func processes(t *testing.T) (out []string) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if raw, err := os.ReadFile(f); err == nil {
			out = append(out, strings.ReplaceAll(string(raw), "\x00", " "))
		}
	}
	return out
}

// The kernel does not deliver signals without a handler to a container's first process. Users still expect Ctrl-C to end
// a program at once.
func TestRunEndsProgramWithoutHandlers(t *testing.T) {
	e := engine(t)
	for start, c := range map[string]struct {
		sig  syscall.Signal
		code int
		out  string
	}{
		"plain":         {syscall.SIGINT, 130, "plain\n"},
		"plain; echo":   {syscall.SIGTERM, 143, "plain\n"},
		"parent handle": {syscall.SIGTERM, 5, "ready\ngot terminated\nthe child has ended: exit status 3\n"},
	} {
		path := ready(t, e, start)
		signals := make(chan os.Signal, 1)
		out := &buffer{}
		var once sync.Once
		out.seen = func(string) { once.Do(func() { signals <- c.sig }) }
		code, err := e.Run(t.Context(), RunRequest{Path: path, Stdout: out, Stderr: testLog{t}, Signals: signals, Grace: time.Hour})
		if err != nil || code != c.code || out.String() != c.out {
			t.Errorf("%s: exit %d, %v, output %q", start, code, err, out.String())
		}
	}
}

// An interrupt before the app has started ends the run.
func TestRunInterruptedEarly(t *testing.T) {
	e := engine(t)
	path := ready(t, e, "deaf")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := e.Run(ctx, RunRequest{Path: path})
	wantFault(t, err, fault.Interrupted, "interrupted")
	signals := make(chan os.Signal, 1)
	signals <- syscall.SIGINT
	_, err = e.Run(t.Context(), RunRequest{Path: path, Signals: signals})
	wantFault(t, err, fault.Interrupted, "interrupted")
}

// pty opens a terminal and returns the user's end and the program's. The latter is never closed, since BuildKit reads it
// as long as this process lives.
func pty(t *testing.T) (outer console.Console, inner *os.File) {
	t.Helper()
	outer, name, err := console.NewPty()
	if err != nil {
		t.Fatal(err)
	}
	if inner, err = os.OpenFile(name, os.O_RDWR|syscall.O_NOCTTY, 0); err != nil {
		t.Fatal(err)
	}
	return outer, inner
}

func TestRunTerminal(t *testing.T) {
	e := engine(t)
	path := ready(t, e, "tty")
	outer, inner := pty(t)
	if err := outer.Resize(console.WinSize{Width: 91, Height: 20}); err != nil {
		t.Fatal(err)
	}
	shown := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(outer).ReadString('\n')
		shown <- line
	}()
	code, err := e.Run(t.Context(), RunRequest{Path: path, Stdin: inner, Stdout: inner, Stderr: inner})
	if got := <-shown; err != nil || code != 0 || !strings.Contains(got, "terminal 91 91") {
		t.Errorf("%q, exit %d, %v", got, code, err)
	}
}

// In a terminal, Ctrl-C is a key that the app's own terminal turns into a signal.
func TestRunCtrlC(t *testing.T) {
	e := engine(t)
	for start, want := range map[string]int{"plain": 130, "handle": 3} {
		outer, inner := pty(t)
		lines := bufio.NewReader(outer)
		go func() {
			lines.ReadString('\n')
			outer.Write([]byte{3})
			io.Copy(io.Discard, lines)
		}()
		code, err := e.Run(t.Context(), RunRequest{Path: ready(t, e, start), Stdin: inner, Stdout: inner, Grace: time.Hour})
		if err != nil || code != want {
			t.Errorf("%s: exit %d, %v", start, code, err)
		}
	}
}

func TestMergeEnv(t *testing.T) {
	got := mergeEnv([]string{"A=1", "B=2", "AB=3"}, []string{"A=x", "C=y", "C=z"})
	if want := []string{"A=x", "B=2", "AB=3", "C=z"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestScript(t *testing.T) {
	shell := []string{"/bin/bash", "-l", "-c"}
	for _, c := range []struct{ entry, words, want []string }{
		{shell, []string{"npm run x"}, []string{"npm run x"}},
		{shell, []string{"echo", "it's"}, []string{`'echo' 'it'\''s'`}},
		{[]string{"/app"}, []string{"a", "b"}, []string{"a", "b"}},
		{nil, []string{"a", "b"}, []string{"a", "b"}},
	} {
		if got := script(c.entry, c.words); !slices.Equal(got, c.want) {
			t.Errorf("%v %v: got %v", c.entry, c.words, got)
		}
	}
}

// The goroutine that listens for signals ends with the job, even if its app never started.
func TestEarlyEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	a := &app{outer: context.Background(), started: make(chan struct{})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		a.early(ctx, cancel)
	}()
	select {
	case <-done:
	case <-time.After(5 * time.Second):
		t.Error("it still listens")
	}
}

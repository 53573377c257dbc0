package imagetest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/nixpacks-cue/nixpacks/engine/solve"
)

// patience is how long an app may take to start, and to answer.
const patience = time.Minute

// Observe looks at the image at path: at its configuration and its files, at what a command in it sees, and at its
// app, which is started and ended.
func (c *Case) Observe(ctx context.Context, e *solve.Engine, path string) (Facts, error) {
	f := Facts{}
	img, err := open(path)
	if err != nil {
		return nil, err
	}
	defer img.Close()
	f.config(img.Config.Config.Env, map[string]any{
		"user": img.Config.Config.User, "workdir": filepath.Clean(img.Config.Config.WorkingDir),
		"entrypoint": img.Config.Config.Entrypoint, "cmd": img.Config.Config.Cmd,
		"labels": img.Config.Config.Labels, "ports": img.Config.Config.ExposedPorts,
		"volumes": img.Config.Config.Volumes, "stop": img.Config.Config.StopSignal,
	})
	if err := f.files(img, c); err != nil {
		return nil, err
	}
	if err := f.shell(ctx, e, path); err != nil {
		return nil, err
	}
	if len(img.Config.Config.Cmd) == 0 {
		return f, nil
	}
	return f, c.start(ctx, e, path, f)
}

func (f Facts) config(env []string, rest map[string]any) {
	for _, kv := range env {
		k, v, _ := strings.Cut(kv, "=")
		f.set(v, "config env %s", k)
	}
	for k, v := range rest {
		if s, ok := v.(string); ok {
			if s != "" {
				f.set(s, "config %s", k)
			}
			continue
		}
		raw, err := json.Marshal(v)
		if err != nil {
			panic(err) // lists and maps of strings
		}
		if s := string(raw); s != "null" && s != "{}" {
			f.set(s, "config %s", k)
		}
	}
}

// probe prints what commands in the image see.
const probe = `printf 'directory %s\0umask %s\0user %s\0' "$PWD" "$(umask)" "$(id -un) $(id -u):$(id -g)"; env -0`

// ephemeral are variables of the shell that runs the probe, or of the container.
var ephemeral = map[string]bool{"PWD": true, "OLDPWD": true, "SHLVL": true, "_": true, "HOSTNAME": true}

// shell notes what a command of the image's entry point sees.
func (f Facts) shell(ctx context.Context, e *solve.Engine, path string) error {
	var out, errs bytes.Buffer
	code, err := e.Run(ctx, solve.RunRequest{Path: path, Cmd: []string{probe}, Stdout: &out, Stderr: &errs})
	if err != nil || code != 0 {
		return fmt.Errorf("a command in the image: exit %d, %w: %s", code, err, errs.String())
	}
	for i, item := range strings.Split(strings.TrimSuffix(out.String(), "\x00"), "\x00") {
		if i < 3 {
			k, v, _ := strings.Cut(item, " ")
			f.set(v, "shell %s", k)
			continue
		}
		if k, v, _ := strings.Cut(item, "="); !ephemeral[k] {
			f.set(v, "shell env %s", k)
		}
	}
	return nil
}

// processNumber is what an app says of the number of its process, which no two runs share unless it is the first.
var processNumber = regexp.MustCompile(`\bprocess (?:[2-9]|[1-9]\d+)\b`)

// running is an app that was started.
type running struct {
	signals chan os.Signal
	ended   chan struct{} // closed when it ended
	code    int
	err     error
	out     text // standard output
	errs    text
	port    string
}

// start notes what the app does when it is started, asked and told to end.
func (c *Case) start(ctx context.Context, e *solve.Engine, path string, f Facts) error {
	app, err := c.run(ctx, e, path)
	if err != nil {
		return err
	}
	defer app.end()
	if len(c.Gets) == 0 && c.Ready == "" {
		if !app.wait(patience) {
			return fmt.Errorf("the app does not end: %s%s", app.out.String(), app.errs.String())
		}
		f.set(processNumber.ReplaceAllString(app.out.String(), "process N"), "start output")
		f.set(fmt.Sprint(app.code), "start exit")
		return app.err
	}
	if err := app.ready(c, f); err != nil {
		return fmt.Errorf("%w\n%s%s", err, app.out.String(), app.errs.String())
	}
	if !c.Mute {
		f.set(processNumber.ReplaceAllString(app.out.String(), "process N"), "start output")
	}
	app.signals <- syscall.SIGTERM
	if app.wait(2 * time.Second) {
		if c.Races {
			f.set("ends", "start SIGTERM")
			return app.err
		}
		f.set(fmt.Sprintf("exit %d", app.code), "start SIGTERM")
		return app.err
	}
	f.set("goes on", "start SIGTERM")
	return nil
}

// run starts the app.
func (c *Case) run(ctx context.Context, e *solve.Engine, path string) (*running, error) {
	app := &running{signals: make(chan os.Signal, 2), ended: make(chan struct{})}
	var env []string
	if len(c.Gets) > 0 {
		l, err := net.Listen("tcp", ":0")
		if err != nil {
			return nil, err
		}
		_, app.port, _ = net.SplitHostPort(l.Addr().String())
		l.Close()
		env = []string{"PORT=" + app.port}
	}
	go func() {
		defer close(app.ended)
		app.code, app.err = e.Run(ctx, solve.RunRequest{Path: path, Env: env, Signals: app.signals, Stdout: &app.out, Stderr: &app.errs})
	}()
	return app, nil
}

// wait tells whether the app ends within d.
func (r *running) wait(d time.Duration) bool {
	select {
	case <-r.ended:
		return true
	case <-time.After(d):
		return false
	}
}

// end ends an app that may not want to: the second signal kills it.
func (r *running) end() {
	for {
		select {
		case <-r.ended:
			return
		case r.signals <- syscall.SIGTERM:
			r.wait(time.Second)
		}
	}
}

// ready waits until the app runs, and notes what it answers.
func (r *running) ready(c *Case, f Facts) error {
	for until := time.Now().Add(patience); ; {
		if r.wait(20 * time.Millisecond) {
			return fmt.Errorf("the app ended: exit %d, %v", r.code, r.err)
		}
		if strings.Contains(r.out.String(), c.Ready) && r.answers(c.Gets) {
			break
		}
		if time.Now().After(until) {
			return fmt.Errorf("the app does not start")
		}
	}
	for _, get := range c.Gets {
		answer, err := r.ask(get)
		if err != nil {
			return err
		}
		f.set(answer, "start GET %s", get)
	}
	return nil
}

// answers tells whether the app answers; a server before it may do so first, and says that it is not there yet.
func (r *running) answers(gets []string) bool {
	if len(gets) == 0 {
		return true
	}
	answer, err := r.ask(gets[0])
	return err == nil && !strings.HasPrefix(answer, strconv.Itoa(http.StatusBadGateway)+" ")
}

func (r *running) ask(path string) (string, error) {
	client := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	a, err := client.Get("http://localhost:" + r.port + path)
	if err != nil {
		return "", err
	}
	defer a.Body.Close()
	b, err := io.ReadAll(a.Body)
	return fmt.Sprintf("%d %s", a.StatusCode, b), err
}

// text is what a program wrote so far.
type text struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (t *text) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.Write(p)
}

func (t *text) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.String()
}

package cli

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	ucli "github.com/urfave/cli/v2"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/image"
	"github.com/nixpacks-cue/nixpacks/engine/progress"
	"github.com/nixpacks-cue/nixpacks/engine/solve"
)

func runCommand(h *Host) *ucli.Command {
	return &ucli.Command{
		Name:      "run",
		Usage:     "build an app if needed, run its image and print its URL",
		ArgsUsage: "[PATH | IMAGE] [-- COMMAND]",
		Description: "Runs the image of the app at PATH, which is built first unless it is up to date; or an image that was built before, by\n" +
			"its name (build -n NAME); or an OCI layout, an OCI tar or a Docker tar. The app gets a free port as PORT and uses the\n" +
			"host network. Ctrl-C stops the app and cleans up. COMMAND runs in the image instead of the app's start command.",
		Flags:  slices.Concat(planFlags(), policyFlags(), lowerFlags(), nameFlags(), secretFlags(), engineFlags(), keepFlags()),
		Action: func(c *ucli.Context) error { return runAction(c, h) },
	}
}

func runAction(c *ucli.Context, h *Host) error {
	if t, err := builderTarget(c, h); err == nil && t.IsDocker() {
		return fault.New(fault.Usage, "nixpacks run does not support the Docker engine").
			WithHint("use nixpacks build, then: docker run NAME")
	}
	path, err := appPath(c)
	if err != nil {
		return err
	}
	env, err := environment(c, h)
	if err != nil {
		return err
	}
	img, err := imageToRun(c, h, path)
	if err == nil {
		err = withSecrets(env, c, h, img.build)
	}
	if err != nil {
		return err
	}
	return withEngine(c, h, func(e *solve.Engine) error {
		if img.build != nil {
			if _, err := e.Build(c.Context, img.build.request); err != nil {
				return img.build.explainMoved(c, err)
			}
		}
		return runImage(c, h, e, img, env)
	})
}

// runnable is an image to run, and the build that makes it; nil if no build does.
type runnable struct {
	path   string
	choose image.Select
	build  *theBuild
}

// imageToRun finds what the user means: an image on disk, an app to build, or the name of a built image.
func imageToRun(c *ucli.Context, h *Host, path string) (runnable, error) {
	st, err := os.Stat(path)
	switch {
	case err == nil && (!st.IsDir() || isFile(filepath.Join(path, "oci-layout"))):
		return runnable{path: path}, needsPlan(c, path)
	case err == nil:
		b, err := newBuild(c, h)
		if err == nil && b.kept == "" {
			err = fault.New(fault.Bug, "the image would not be kept")
		}
		if err != nil {
			return runnable{}, err
		}
		return runnable{path: b.kept, build: b}, nil
	}
	kept, choose, err := h.namedImage(path)
	if err != nil {
		return runnable{}, err
	}
	return runnable{path: kept, choose: choose}, needsPlan(c, path)
}

// runImage starts the image and waits until the app ends. The app's exit code becomes this program's.
func runImage(c *ucli.Context, h *Host, engine *solve.Engine, img runnable, env map[string]string) error {
	port := env["PORT"]
	if port == "" {
		var err error
		if port, err = freePort(); err != nil {
			return err
		}
	}
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	defer signal.Stop(signals)
	var answered atomic.Bool
	status, err := engine.Run(context.WithoutCancel(c.Context), solve.RunRequest{
		Path: img.path, Select: img.choose, Env: environ(env, port), Cmd: h.tail,
		Stdin: h.Stdin, Stdout: h.Stdout, Stderr: h.Stderr, Signals: signals,
		Lingers: func() {
			fmt.Fprintf(h.Stderr, "stopping the app, which may take up to %s; press Ctrl-C again to kill it%s", solve.DefaultGrace, h.eol())
		},
		Progress: progress.Options{Mode: "quiet"},
		Started:  func(ctx context.Context) { answered.Store(h.announce(ctx, port, 10*time.Second)) },
	})
	if err != nil {
		return err
	}
	if c.Context.Err() != nil { // the user ended the app, so its exit code does not matter
		return exitCode(fault.Interrupted)
	}
	if !answered.Load() && len(h.tail) == 0 {
		fmt.Fprintf(h.Stderr, "the app exited with code %d without answering on port %s\n", status, port)
	}
	if status != 0 {
		return exitCode(status)
	}
	return nil
}

// environ returns the variables that the app gets in addition to the image's own.
func environ(env map[string]string, port string) []string {
	out := []string{"PORT=" + port}
	for k, v := range env {
		out = append(out, k+"="+v)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// announce prints that the app has started, and its URL once it answers. If the app does not answer within patience, it
// prints a possible reason. It expects no answer from a command that the user gave. It reports whether the app has
// answered.
func (h *Host) announce(ctx context.Context, port string, patience time.Duration) bool {
	if len(h.tail) > 0 {
		return false
	}
	eol := h.eol()
	fmt.Fprintf(h.Stderr, "started; waiting for the app to answer on port %s (Ctrl-C stops it)%s", port, eol)
	early, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if !answers(early, port) {
		if ctx.Err() != nil {
			return false
		}
		fmt.Fprintf(h.Stderr, "no answer yet: the app must listen on the port in the variable PORT%s", eol)
		if !answers(ctx, port) {
			return false
		}
	}
	fmt.Fprintf(h.Stderr, "the app answers at http://localhost:%s%s", port, eol)
	return true
}

// eol returns the end of a line beside an app that has the terminal, which is in raw mode then.
func (h *Host) eol() string {
	if f, ok := h.Stdin.(*os.File); ok && progress.IsTerminal(f) {
		return "\r\n"
	}
	return "\n"
}

// freePort asks the system for a free port.
func freePort() (string, error) {
	l, err := net.Listen("tcp", ":0")
	if err != nil {
		return "", fault.Wrap(fault.TryAgain, err, "no port is free")
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port), nil
}

// answers waits until something speaks HTTP on the port. It returns false if ctx ends first.
func answers(ctx context.Context, port string) bool {
	client := http.Client{
		Timeout:       5 * time.Second,
		Transport:     &http.Transport{DisableKeepAlives: true}, // no proxy: this is our own machine
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost:"+port+"/", nil)
		if err != nil {
			return false
		}
		if r, err := client.Do(req); err == nil {
			r.Body.Close()
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
}

//go:build linux && cgo

package ocirt

import (
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/moby/sys/userns"
	"github.com/opencontainers/runc/libcontainer"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// run starts the bundle's container and waits for its process.
func (c *call) run() (int, error) {
	var spec specs.Spec
	if err := readJSON(filepath.Join(c.bundle, "config.json"), &spec); err != nil {
		return 1, err
	}
	if spec.Process == nil || len(spec.Process.Args) == 0 {
		return 1, fmt.Errorf("%s: no command to run", c.bundle)
	}
	if err := os.Chdir(c.bundle); err != nil { // spec.Root.Path may be relative to it
		return 1, err
	}
	if err := os.MkdirAll(c.root, 0o700); err != nil {
		return 1, err
	}
	ct, err := c.create(&spec)
	if err != nil {
		return 1, err
	}
	if !c.keep {
		defer ct.Destroy()
	}
	p, err := newProcess(spec.Process)
	if err != nil {
		return 1, err
	}
	p.Init = true
	return c.start(p, spec.Process.Terminal, ct.Run)
}

// exec runs an additional process in a running container.
func (c *call) exec() (int, error) {
	var proc specs.Process
	if err := readJSON(c.process, &proc); err != nil {
		return 1, err
	}
	ct, err := libcontainer.Load(c.root, c.id)
	if err != nil {
		return 1, err
	}
	if conf := ct.Config(); conf.RootlessCgroups && !conf.RootlessEUID && !userns.RunningInUserNS() {
		withoutDevices(&proc) // like its container
	}
	p, err := newProcess(&proc)
	if err != nil {
		return 1, err
	}
	return c.start(p, proc.Terminal, ct.Run)
}

// start runs p with this process's standard streams, or with a terminal of the container if the process wants one. It
// forwards signals and returns p's exit code.
func (c *call) start(p *libcontainer.Process, tty bool, run func(*libcontainer.Process) error) (int, error) {
	signals := make(chan os.Signal, 64) // before the start, so that no signal is lost
	signal.Notify(signals)
	f := &first{p: p}
	var term *terminal
	if tty {
		var err error
		if term, err = newTerminal(p); err != nil {
			return 1, err
		}
		term.pressed = func(s unix.Signal) { f.signal(s, true) }
		defer term.Close()
	} else {
		p.Stdin, p.Stdout, p.Stderr = os.Stdin, os.Stdout, os.Stderr
	}
	if err := run(p); err != nil {
		return 1, err
	}
	if term != nil {
		if err := term.Start(); err != nil {
			return 1, endFailed(p, err)
		}
	}
	if err := writePID(c.pidFile, p); err != nil {
		return 1, endFailed(p, err)
	}
	go forward(signals, f, term)
	return exitCode(f)
}

func endFailed(p *libcontainer.Process, err error) error {
	_ = p.Signal(unix.SIGKILL)
	_, _ = p.Wait()
	return err
}

// forward forwards all signals, except those that concern only this process.
func forward(signals <-chan os.Signal, f *first, term *terminal) {
	for s := range signals {
		switch s {
		case unix.SIGCHLD, unix.SIGURG, unix.SIGPIPE:
		case unix.SIGWINCH:
			if term != nil {
				term.Resize()
			}
		default:
			if n, ok := s.(unix.Signal); ok {
				f.signal(n, false)
			}
		}
	}
}

func exitCode(f *first) (int, error) {
	ps, err := f.p.Wait()
	if ps == nil {
		return 1, err
	}
	if ws, ok := ps.Sys().(syscall.WaitStatus); ok {
		return f.status(ws), nil
	}
	return ps.ExitCode(), nil
}

// writePID writes the process id atomically, since BuildKit polls for the file.
func writePID(path string, p *libcontainer.Process) error {
	if path == "" {
		return nil
	}
	pid, err := p.Pid()
	if err != nil {
		return err
	}
	tmp := path + ".tmp"
	if err := os.WriteFile(tmp, []byte(strconv.Itoa(pid)), 0o644); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}

func readJSON(path string, v any) error {
	dt, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(dt, v); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

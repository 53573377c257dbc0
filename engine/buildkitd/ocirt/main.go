//go:build linux && cgo

package ocirt

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/opencontainers/runc/libcontainer"
	_ "github.com/opencontainers/runc/libcontainer/nsenter" // enters the namespaces before the Go runtime starts
	"github.com/sirupsen/logrus"
	"golang.org/x/sys/unix"
)

// Linked reports whether the runtime is part of this binary. Only then do steps die with the engine, and can steps run at
// all for users with a single id and in containers with read-only cgroups.
const Linked = true

// initMarker is an environment variable of the process that libcontainer starts inside a new container.
const initMarker = "_LIBCONTAINER_INITPIPE"

// init is the entry point inside a container: libcontainer executes this binary again as "nixpacks-runc init" and expects
// that process to call Init. This is done in init and not in Main for two reasons: a build step does not pay for the
// initialisation of the many packages that follow, and it must run on the main thread.
func init() {
	if len(os.Args) < 2 || os.Args[1] != "init" || os.Getenv(initMarker) == "" || !Invoked(os.Args[0]) {
		return
	}
	runtime.GOMAXPROCS(1)
	runtime.LockOSThread()
	// The step must not outlive the runtime's process, whatever kills that. The parent cannot set the signal: it is lost
	// when nsenter forks. libcontainer keeps it across setuid.
	_ = unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0)
	libcontainer.Init() // never returns
}

// Invoked reports whether a process with this argv[0] is the runtime.
func Invoked(argv0 string) bool { return filepath.Base(argv0) == Name }

// Main runs the runtime. args excludes argv[0]. The result is the exit code: for "run" and "exec" that of the container's
// process, or 128+n if signal n ended it.
func Main(args []string) int {
	// For the kernel, the parent dies when the thread that forked ends: stay on this thread.
	runtime.LockOSThread()
	logrus.SetLevel(logrus.ErrorLevel)
	c, err := parse(args)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code, err := c.do()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return max(code, 1)
	}
	return code
}

func (c *call) do() (int, error) {
	switch c.verb {
	case "run":
		return c.run()
	case "exec":
		return c.exec()
	case "kill":
		return 0, c.kill()
	case "delete":
		return 0, remove(c.root, c.id, c.force)
	case "state":
		return 0, c.state()
	}
	return 1, fmt.Errorf("unknown command %q", c.verb)
}

func (c *call) kill() error {
	sig, err := signalNumber(c.signal)
	if err != nil {
		return err
	}
	ct, err := libcontainer.Load(c.root, c.id)
	if err != nil {
		return err
	}
	return ct.Signal(sig)
}

// signalNumber parses "9", "KILL" or "SIGKILL".
func signalNumber(s string) (unix.Signal, error) {
	if n, err := strconv.Atoi(s); err == nil {
		return unix.Signal(n), nil
	}
	if sig := unix.SignalNum("SIG" + strings.TrimPrefix(strings.ToUpper(s), "SIG")); sig != 0 {
		return sig, nil
	}
	return 0, fmt.Errorf("unknown signal %q", s)
}

// state prints what BuildKit reads about a container: whether it runs, and where its bundle is.
func (c *call) state() error {
	ct, err := libcontainer.Load(c.root, c.id)
	if err != nil {
		return err
	}
	st, err := ct.OCIState()
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(struct {
		ID     string `json:"id"`
		Pid    int    `json:"pid"`
		Status string `json:"status"`
		Bundle string `json:"bundle"`
		Rootfs string `json:"rootfs"`
	}{c.id, st.Pid, string(st.Status), st.Bundle, ct.Config().Rootfs})
}

// remove deletes a container. A container that does not exist is not an error.
func remove(root, id string, force bool) error {
	ct, err := libcontainer.Load(root, id)
	if errors.Is(err, libcontainer.ErrNotExist) {
		return removeUnstarted(root, id)
	}
	if err != nil {
		return err
	}
	if force {
		if err := killAndWait(ct); err != nil {
			return err
		}
	}
	return ct.Destroy()
}

// removeUnstarted removes the directory of a container that ended before its state was saved. Nothing is mounted in
// there; it contains at most a FIFO.
func removeUnstarted(root, id string) error {
	if id == "" || id == "." || id == ".." || filepath.Base(id) != id {
		return fmt.Errorf("not a container's name: %q", id)
	}
	return os.RemoveAll(filepath.Join(root, id))
}

package buildkitd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"

	"github.com/containerd/containerd/v2/core/mount"
	"github.com/moby/buildkit/client"
	fscopy "github.com/tonistiigi/fsutil/copy"
	"golang.org/x/sys/unix"

	"github.com/nixpacks-cue/nixpacks/engine/buildkitd/leaks"
	"github.com/nixpacks-cue/nixpacks/engine/buildkitd/namespace"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// The parent sends orders to the engine in the child process, which answers with reports. Both are streams of JSON
// values, each on its own pipe.

type order struct {
	Dir   string   `json:"dir,omitempty"`
	Start *Options `json:"start,omitempty"`
	Close bool     `json:"close,omitempty"`
	Force bool     `json:"force,omitempty"`
}

type report struct {
	Ready bool          `json:"ready,omitempty"`
	Say   string        `json:"say,omitempty"`
	Fault *faultMessage `json:"fault,omitempty"`
}

// faultMessage is a fault as serialised for the pipe.
type faultMessage struct {
	Code              fault.Code
	Msg, Hint, Detail string
	Cause             string
}

func encodeFault(err error) *faultMessage {
	f := fault.All(err)[0]
	w := &faultMessage{Code: f.Code, Msg: f.Msg, Hint: f.Hint, Detail: f.Detail}
	if f.Err != nil {
		w.Cause = f.Err.Error()
	}
	return w
}

func (w *faultMessage) fault() error {
	f := &fault.Fault{Code: w.Code, Msg: w.Msg, Hint: w.Hint, Detail: w.Detail}
	if w.Cause != "" {
		f.Err = errors.New(w.Cause)
	}
	return f
}

// child is the parent's handle of the engine process.
type child struct {
	o       Options
	proc    *namespace.Child
	stderr  *tail
	mu      sync.Mutex // guards orders
	orders  *os.File
	ready   chan struct{} // closed when the engine serves
	ended   chan struct{} // closed when all reports have been read
	failure error         // reported by the engine; read only after ended is closed
}

// own starts an engine for this process. It takes over the lock: from here on, only the child holds it.
func own(ctx context.Context, o Options, dir string, lock *os.File) (*client.Client, func() error, error) {
	c, err := startChild(o, dir, lock)
	if err != nil {
		return nil, nil, err
	}
	select {
	case <-c.ready:
	case <-c.ended:
		return nil, nil, c.Close()
	case <-ctx.Done():
		return nil, nil, errors.Join(fault.New(fault.Interrupted, "interrupted"), c.Close())
	}
	if why := c.proc.OneID; why != "" {
		tellOnce(o, dir, "oneid", "note: build steps have no user except root, because "+why)
	}
	cl, err := dialClient(ctx, dir)
	if err != nil {
		return nil, nil, errors.Join(fault.Wrap(fault.Bug, err, "the embedded engine cannot be reached"), c.Close())
	}
	return cl, sync.OnceValue(func() error { return errors.Join(cl.Close(), c.Close()) }), nil
}

func startChild(o Options, dir string, lock *os.File) (*child, error) {
	defer lock.Close()
	orderR, orderW, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer orderR.Close()
	reportR, reportW, err := os.Pipe()
	if err != nil {
		orderW.Close()
		return nil, err
	}
	defer reportW.Close()
	c := &child{o: o, stderr: &tail{to: o.Log}, orders: orderW, ready: make(chan struct{}), ended: make(chan struct{})}
	c.proc, err = namespace.Start(childName, []*os.File{orderR, reportW, lock}, c.stderr)
	if err != nil {
		orderW.Close()
		reportR.Close()
		return nil, explainNamespace(err, realHost)
	}
	go c.listen(reportR)
	c.send(order{Dir: dir, Start: &o})
	return c, nil
}

// send sends an order. It ignores errors, which mean that the child is gone.
func (c *child) send(o order) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = json.NewEncoder(c.orders).Encode(o)
}

func (c *child) listen(r *os.File) {
	defer close(c.ended)
	defer r.Close()
	for dec := json.NewDecoder(r); ; {
		var p report
		if dec.Decode(&p) != nil {
			return
		}
		switch {
		case p.Ready:
			close(c.ready)
		case p.Fault != nil:
			c.failure = p.Fault.fault()
		case p.Say != "":
			c.o.say(p.Say)
		}
	}
}

// Close ends the child as daemon.Close does, and waits for it. If the child has ended by itself, Close returns the
// reason.
func (c *child) Close() error {
	c.send(order{Close: true})
	select {
	case <-c.ended:
	case <-c.o.Force:
		c.send(order{Force: true})
	}
	<-c.ended
	err := c.proc.Wait()
	c.orders.Close()
	if c.failure != nil || err == nil {
		return c.failure
	}
	f := &fault.Fault{Code: fault.Bug, Msg: "the embedded engine ended unexpectedly", Detail: c.stderr.reason(), Err: fmt.Errorf("%w\n%s", err, c.stderr)}
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL {
		f.Code, f.Msg, f.Hint = fault.TryAgain, "the embedded engine was killed", "does this machine have enough memory for the build?"
	}
	return f
}

// gcPercent lets the child's heap, about 20 MB, grow to five times its live size. With Go's default, GC took a sixth of
// the child's work in a rebuild after an edit.
const gcPercent = 400

// childMain runs the engine in the child process.
func childMain() int {
	var files [3]*os.File
	for i, name := range []string{"orders", "reports", "lock"} {
		unix.CloseOnExec(int(namespace.FD(i))) // steps must not inherit the lock
		files[i] = os.NewFile(namespace.FD(i), name)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	unix.Umask(0) // BuildKit creates files with the modes that the build asks for
	fscopy.UmaskIsZero = true
	// The parent decides when to end. A handler is used instead of signal.Ignore, since steps would inherit that.
	signal.Notify(make(chan os.Signal, 1), unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	orders, lock := json.NewDecoder(files[0]), files[2]
	var mu sync.Mutex
	send := func(r report) {
		mu.Lock()
		defer mu.Unlock()
		_ = json.NewEncoder(files[1]).Encode(r)
	}
	if err := serveChild(orders, lock, send); err != nil {
		send(report{Fault: encodeFault(err)})
		return 1
	}
	return 0
}

func serveChild(orders *json.Decoder, lock *os.File, send func(report)) error {
	if err := namespace.Ready(); err != nil {
		return explainNamespace(err, realHost)
	}
	var first order
	if err := orders.Decode(&first); err != nil || first.Start == nil {
		return &fault.Fault{Code: fault.Bug, Msg: "the embedded engine's process was not told what to do", Err: err}
	}
	closing, force := make(chan struct{}), make(chan struct{})
	o := *first.Start
	o.Say, o.Force, o.Log = func(s string) { send(report{Say: s}) }, force, io.Writer(os.Stderr)
	if err := setEnvironment(first.Dir); err != nil {
		return err
	}
	d, err := start(o, first.Dir, lock, os.Getppid())
	if err != nil {
		return err
	}
	send(report{Ready: true})
	go func() {
		defer close(force)
		endClosing := sync.OnceFunc(func() { close(closing) })
		defer endClosing()
		for {
			var next order
			if orders.Decode(&next) != nil || next.Force {
				return // also without a parent: then there is nobody to wait for
			}
			endClosing()
		}
	}()
	<-closing
	return d.Close()
}

// setEnvironment keeps the user's environment from changing BuildKit's behaviour. It also moves temporary files into the
// state directory, where those of a killed engine are found and removed.
func setEnvironment(dir string) error {
	var errs []error
	for _, kv := range os.Environ() {
		if k, _, _ := strings.Cut(kv, "="); strings.HasPrefix(k, "BUILDKIT_") || strings.HasPrefix(k, "OTEL_") {
			errs = append(errs, os.Unsetenv(k))
		}
	}
	for _, k := range []string{"TMPDIR", "XDG_RUNTIME_DIR"} { // XDG_RUNTIME_DIR may name the directory of a session that has ended
		errs = append(errs, os.Setenv(k, leaks.Temporary(dir)))
	}
	// containerd has read TMPDIR before it is set here
	errs = append(errs, mount.SetTempMountLocation(leaks.Temporary(dir)))
	return fault.Wrap(fault.Usage, errors.Join(errs...), "the state directory %s cannot be written", dir)
}

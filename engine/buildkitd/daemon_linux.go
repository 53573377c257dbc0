package buildkitd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/containerd/containerd/v2/defaults"
	"github.com/moby/buildkit/util/grpcerrors"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc"

	"github.com/nixpacks-cue/nixpacks/engine/buildkitd/leaks"
	"github.com/nixpacks-cue/nixpacks/engine/buildkitd/namespace"
	"github.com/nixpacks-cue/nixpacks/engine/buildkitd/ocirt"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// daemon is an engine that runs in this process.
type daemon struct {
	o      Options
	dir    string
	lock   *os.File
	server *server
	grpc   *grpc.Server
	shared *shared
	served chan struct{} // closed when no more connections are accepted
	close  sync.Once
	result error
}

// prepare creates the state directory and returns its path without symlinks, as it appears in mountinfo.
func prepare(o Options) (string, error) {
	if err := o.check(); err != nil {
		return "", err
	}
	if !mainCalled {
		return "", fault.New(fault.Bug, "buildkitd.Main was not called first: build steps would run the whole program again")
	}
	if err := CheckOwner(o.State); err != nil { // before anything is made in it
		return "", err
	}
	abs, err := filepath.Abs(o.dir())
	if err == nil {
		if err = os.MkdirAll(abs, 0o700); err == nil {
			abs, err = filepath.EvalSymlinks(abs)
		}
	}
	if err != nil {
		return "", fault.Wrap(fault.Usage, err, "the state directory %s cannot be made", o.State)
	}
	return abs, CheckOwner(abs)
}

// start takes over the lock, even if it fails. self is the process for which the engine runs.
func start(o Options, dir string, lock *os.File, self int) (_ *daemon, err error) {
	d := &daemon{o: o, dir: dir, lock: lock, served: make(chan struct{})}
	defer func() {
		if err != nil {
			lock.Close()
		}
	}()
	SetLog(o.Log, o.Debug)
	rootless := namespace.Inside()
	if err := d.recover(); err != nil {
		return nil, err
	}
	if err := preflight(dir, rootless); err != nil {
		return nil, err
	}
	if !o.MakesRoom {
		createSpare(dir)
	}
	if !ocirt.Seccomp() {
		tellOnce(o, dir, "seccomp", "note: build steps run without a system call filter, since this nixpacks was built without libseccomp")
	}
	found, err := checkDatabases(dir, o.say)
	if err != nil {
		return nil, fault.Wrap(fault.Usage, err, "the state directory %s cannot be read or written", dir)
	}
	if d.server, err = newServer(dir, o, rootless, found); errors.Is(err, unix.ENOSPC) {
		return nil, explainOverlay(err, dir, "", realHost)
	} else if err != nil {
		return nil, &fault.Fault{Code: fault.Bug, Msg: "the embedded engine cannot start", Detail: err.Error(), Err: err,
			Hint: "if its cache is damaged, move " + dir + " away, and try again"}
	}
	if err := d.serve(self); err != nil {
		_ = d.server.Close()
		return nil, fault.Wrap(fault.Bug, err, "the embedded engine cannot listen")
	}
	return d, nil
}

// recover cleans up after a killed owner.
func (d *daemon) recover() error {
	_ = os.Remove(filepath.Join(d.dir, ownerName)) // it must not be read before its socket exists
	err := ocirt.DestroyAll(context.Background(), d.dir)
	err = errors.Join(err, leaks.Clean(d.dir))
	if err == nil {
		return nil
	}
	return &fault.Fault{Code: fault.TryAgain, Msg: "the remains of an interrupted build in " + d.dir + " cannot be cleaned up",
		Detail: err.Error(), Hint: "kill the processes or unmount the mounts named above, then try again", Err: err}
}

func (d *daemon) serve(self int) (err error) {
	if d.shared, err = listenSocket(d.dir, self); err != nil {
		return err
	}
	if err := writeFile(filepath.Join(d.dir, ownerName), d.o.identity()); err != nil {
		_ = d.shared.Close()
		return err
	}
	d.grpc = grpc.NewServer(
		grpc.ChainUnaryInterceptor(grpcerrors.UnaryServerInterceptor),
		grpc.StreamInterceptor(grpcerrors.StreamServerInterceptor),
		grpc.MaxRecvMsgSize(defaults.DefaultMaxRecvMsgSize),
		grpc.MaxSendMsgSize(defaults.DefaultMaxSendMsgSize),
		grpc.WaitForHandlers(true), // databases are closed after Stop
	)
	d.server.ctrl.Register(d.grpc)
	go func() {
		defer close(d.served)
		_ = d.grpc.Serve(d.shared)
	}()
	return nil
}

// teardownTime limits how long killed steps may take to end, such as a process in the middle of a write to a slow disk.
const teardownTime = time.Minute

// Close ends the engine. It waits for joined processes, including those that join meanwhile (until Options.Force), kills
// running steps and waits for them, trims the cache, closes all files and releases the lock. Later calls return the
// result of the first.
func (d *daemon) Close() error {
	d.close.Do(func() { d.result = d.end() })
	return d.result
}

func (d *daemon) end() error {
	defer d.lock.Close()
	d.drain()
	<-d.served
	d.server.abortTransfers() // no build is left that needs a transfer
	ctx, cancel := context.WithTimeout(context.Background(), teardownTime)
	defer cancel()
	stopped := make(chan struct{})
	go func() {
		d.grpc.Stop()
		close(stopped)
	}()
	select {
	case <-stopped:
	case <-ctx.Done():
	}
	errs := []error{d.server.steps.wait(ctx)}
	d.trim(ctx)
	errs = append(errs, d.server.Close(), syncDatabases(d.dir), ocirt.DestroyAll(ctx, d.dir), leaks.Clean(d.dir))
	return fault.Wrap(fault.Bug, errors.Join(errs...), "the embedded engine did not end cleanly")
}

// lingering limits how long an engine accepts new processes after its owner's work is done. On a build machine where one
// build always overlaps the next, the owner would otherwise never end.
const lingering = 5 * time.Minute

// drain waits for the joined processes. More may join for a while; when drain returns without Options.Force, none is
// left.
func (d *daemon) drain() {
	enough := time.NewTimer(lingering)
	defer enough.Stop()
	shown := ""
	for !d.shared.closeUnused() {
		pids := d.shared.others()
		if text := waitingFor(pids); len(pids) > 0 && text != shown {
			shown = text
			d.o.say(text)
		}
		select {
		case <-d.shared.changed:
		case <-enough.C:
			d.shared.refuse()
		case <-d.o.Force:
			d.shared.refuse()
			return
		}
	}
}

func waitingFor(pids []int) string {
	what := "another nixpacks process that uses this engine (PID "
	if len(pids) > 1 {
		what = fmt.Sprintf("%d other nixpacks processes that use this engine (PIDs ", len(pids))
	}
	return "waiting for " + what + strings.Trim(fmt.Sprint(pids), "[]") + "); interrupt again to stop now"
}

// writeFile writes a file atomically.
func writeFile(path string, data []byte) error {
	tmp := path + ".tmp"
	if err := os.WriteFile(tmp, data, 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}

// tellOnce prints a message once in the lifetime of a state directory.
func tellOnce(o Options, dir, key, text string) {
	f, err := os.OpenFile(filepath.Join(dir, "told-"+key), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return
	}
	f.Close()
	o.say(text)
}

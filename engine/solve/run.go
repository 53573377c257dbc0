package solve

import (
	"context"
	"errors"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/client/llb"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	gatewaypb "github.com/moby/buildkit/frontend/gateway/pb"
	"github.com/moby/buildkit/solver/pb"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/image"
	"github.com/nixpacks-cue/nixpacks/engine/progress"
)

// DefaultGrace is how long an app may take to end after it was asked to.
const DefaultGrace = 10 * time.Second

// RunRequest describes one run of an image.
type RunRequest struct {
	// Path of an OCI layout directory, an OCI tar or a docker archive. Select chooses an image in it.
	Path   string
	Select image.Select
	// Env (K=V) overrides the image's environment.
	Env []string
	// Cmd replaces the image's command. If its entry point is a shell with a script (sh -c), the words of Cmd are quoted
	// and joined into that script.
	Cmd []string
	// User and Dir override the image's user and working directory; "" keeps them.
	User, Dir string
	Stdin     io.Reader // nil is empty; if it is a terminal, the app gets one
	Stdout    io.Writer
	Stderr    io.Writer
	// Signals are forwarded to the app. The first one that asks it to end (SIGINT, SIGTERM, SIGHUP, SIGQUIT) starts
	// Grace, the next one kills it. The end of Run's context counts as SIGTERM.
	Signals <-chan os.Signal
	Grace   time.Duration // 0 is DefaultGrace
	// Lingers is called if an app that was asked to end is still running after a while; may be nil.
	Lingers func()
	// Started is called in its own goroutine when the app runs. Its context ends with the app.
	Started  func(context.Context)
	Progress progress.Options // progress of unpacking the image
}

// Run runs an image on the embedded engine with the host network, and returns the app's exit code. The container's file
// system is the image; changes by the app are lost when it ends.
func (e *Engine) Run(ctx context.Context, req RunRequest) (int, error) {
	if !e.embedded {
		return 0, fault.New(fault.Usage, "images run only on the embedded engine, not on %s", e.where).
			WithHint("remove --builder and unset BUILDKIT_HOST")
	}
	j, err := e.newJob(Request{Progress: req.Progress})
	if err != nil {
		return 0, err
	}
	defer j.close()
	j.opt.AllowedEntitlements = []string{hostNetwork}
	if req.Select.Platform.OS == "" {
		req.Select.Platform = ocispecs.Platform{OS: "linux", Architecture: runtime.GOARCH}
	}
	img, err := j.store(runStore, req.Path, req.Select)
	if err != nil {
		return 0, err
	}
	if img.Config.Architecture != runtime.GOARCH {
		return 0, fault.New(fault.Usage, "the image %s is for %s, but this machine is %s", req.Path,
			platforms.Format(img.Config.Platform), runtime.GOARCH)
	}
	start, err := req.process(img.Config.Config)
	if err != nil {
		return 0, err
	}
	a := &app{req: req, img: img, start: start, outer: ctx, started: make(chan struct{})}
	// not under ctx: a container must not be removed before its app was asked to end
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	go a.early(own, cancel)
	if _, err := e.run(own, j, a.run); err != nil {
		return 0, err
	}
	return a.status, nil
}

// process combines the image config and the request to the app's process.
func (r RunRequest) process(c ocispecs.ImageConfig) (gateway.StartRequest, error) {
	args := slices.Concat(c.Entrypoint, c.Cmd)
	if len(r.Cmd) > 0 {
		args = slices.Concat(c.Entrypoint, script(c.Entrypoint, r.Cmd))
	}
	if len(args) == 0 {
		return gateway.StartRequest{}, fault.New(fault.Usage, "the image %s has no command to run", r.Path).
			WithHint("give one after --")
	}
	start := gateway.StartRequest{Args: args, Env: mergeEnv(c.Env, r.Env), User: c.User, Cwd: c.WorkingDir}
	if r.User != "" {
		start.User = r.User
	}
	if r.Dir != "" {
		start.Cwd = r.Dir
	}
	return start, nil
}

// script joins words into the single argument of a shell's -c. A single word is a script already.
func script(entrypoint, words []string) []string {
	if len(words) == 1 || len(entrypoint) == 0 || entrypoint[len(entrypoint)-1] != "-c" {
		return words
	}
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
	}
	return []string{strings.Join(quoted, " ")}
}

// mergeEnv overrides variables of under with those of over, keeping the order of under.
func mergeEnv(under, over []string) []string {
	out := slices.Clone(under)
	for _, kv := range over {
		k, _, _ := strings.Cut(kv, "=")
		same := func(o string) bool { return strings.HasPrefix(o, k+"=") }
		if i := slices.IndexFunc(out, same); i >= 0 {
			out[i] = kv
		} else {
			out = append(out, kv)
		}
	}
	return out
}

// app is a running image.
type app struct {
	req     RunRequest
	img     *image.Image
	start   gateway.StartRequest
	outer   context.Context // the caller's context; its end asks the app to end
	started chan struct{}   // closed when the app can receive signals
	status  int
}

// run is the job: it creates a container with the image's file system, and runs the app in it.
func (a *app) run(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
	platform := a.req.Select.Platform
	def, err := ociLayout(runStore, a.img.Desc.Digest).Marshal(ctx, llb.Platform(platform))
	if err != nil {
		return nil, fault.Wrap(fault.Bug, err, "the image cannot be mounted")
	}
	res, err := c.Solve(ctx, gateway.SolveRequest{Definition: def.ToPB(), Evaluate: true})
	if err != nil {
		return nil, err
	}
	box, err := c.NewContainer(ctx, gateway.NewContainerRequest{
		Mounts:   []gateway.Mount{{Dest: pb.RootMount, MountType: pb.MountType_BIND, Ref: res.Ref}},
		NetMode:  pb.NetMode_HOST,
		Platform: &pb.Platform{OS: platform.OS, Architecture: platform.Architecture, Variant: platform.Variant},
	})
	if err != nil {
		return nil, err
	}
	err = a.inside(ctx, box)
	if released := withoutStatus(box.Release(context.WithoutCancel(ctx))); err == nil { // else it repeats err
		err = released
	}
	return gateway.NewResult(), err
}

// withoutStatus ignores the app's exit status, since releasing a container reports it again.
func withoutStatus(err error) error {
	if ee := (*gatewaypb.ExitError)(nil); errors.As(err, &ee) {
		return nil
	}
	return err
}

// inside starts the app in its container and waits until it ends.
func (a *app) inside(ctx context.Context, box gateway.Container) error {
	streams, err := a.connect()
	if err != nil {
		return err
	}
	defer streams.close()
	close(a.started)
	proc, err := box.Start(ctx, a.start)
	if err != nil {
		return err
	}
	if a.req.Started != nil {
		running, ended := context.WithCancel(ctx)
		defer ended()
		go a.req.Started(running)
	}
	err = a.watch(ctx, proc, streams)
	if ee := (*gatewaypb.ExitError)(nil); errors.As(err, &ee) {
		a.status, err = int(ee.ExitCode), nil
	}
	return err
}

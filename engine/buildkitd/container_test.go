//go:build linux

package buildkitd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/client/llb"
	gwclient "github.com/moby/buildkit/frontend/gateway/client"
	gwpb "github.com/moby/buildkit/frontend/gateway/pb"
	"github.com/moby/buildkit/solver/pb"
)

// inContainer runs f with a container on the file system of the steps' images, as `nixpacks run` does.
func inContainer(t *testing.T, c *client.Client, f func(ctx context.Context, ctr gwclient.Container) error) {
	t.Helper()
	bin, err := step()
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Build(t.Context(), client.SolveOpt{Internal: true}, "test", func(ctx context.Context, gw gwclient.Client) (*gwclient.Result, error) {
		def, err := llb.Scratch().File(llb.Mkfile("/step", 0o755, bin)).Marshal(ctx)
		if err != nil {
			return nil, err
		}
		res, err := gw.Solve(ctx, gwclient.SolveRequest{Definition: def.ToPB()})
		if err != nil {
			return nil, err
		}
		ctr, err := gw.NewContainer(ctx, gwclient.NewContainerRequest{
			Mounts: []gwclient.Mount{{Dest: "/", MountType: pb.MountType_BIND, Ref: res.Ref}},
		})
		if err != nil {
			return nil, err
		}
		defer ctr.Release(ctx)
		return nil, f(ctx, ctr)
	}, nil)
	if err != nil {
		t.Error(err)
	}
}

// out collects a process's output and sends nil once it contains "ready".
type out struct {
	bytes.Buffer
	ready chan<- error
}

func (o *out) Write(p []byte) (int, error) {
	n, err := o.Buffer.Write(p)
	if o.ready != nil && strings.Contains(o.String(), "ready") {
		o.ready <- nil
		o.ready = nil
	}
	return n, err
}

func (o *out) Close() error { return nil }

func start1(ctx context.Context, ctr gwclient.Container, o *out, tty bool, stdin io.ReadCloser, args ...string) (gwclient.ContainerProcess, error) {
	return ctr.Start(ctx, gwclient.StartRequest{Args: append([]string{"/step"}, args...), Cwd: "/", Tty: tty, Stdin: stdin, Stdout: o, Stderr: o})
}

// The second process of a container starts through the runtime's "exec". Both processes receive signals and return exit
// codes.
func TestContainerProcesses(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", "/nonexistent") // as after su; the runtime's command line goes through a file in it
	c := connect(t, options(t))
	inContainer(t, c, func(ctx context.Context, ctr gwclient.Container) error {
		ready := make(chan error, 2)
		first, second := &out{ready: ready}, &out{}
		p, err := start1(ctx, ctr, first, false, nil, "trap")
		if err != nil {
			return err
		}
		ended := make(chan error, 1)
		go func() {
			err := p.Wait()
			ready <- err
			ended <- err
		}()
		if err := <-ready; err != nil {
			return fmt.Errorf("%w: %s", err, first)
		}
		q, err := start1(ctx, ctr, second, false, io.NopCloser(strings.NewReader("words")), "stdin")
		if err != nil {
			return err
		}
		if err := q.Wait(); err != nil || second.String() != "read \"words\"\n" {
			t.Errorf("second process: %v, %q", err, second.String())
		}
		if err := p.Signal(ctx, syscall.SIGTERM); err != nil {
			return err
		}
		exit := new(gwpb.ExitError)
		if err := <-ended; !errors.As(err, &exit) || exit.ExitCode != 7 || !strings.HasSuffix(first.String(), "got terminated\n") {
			t.Errorf("first process: %v, %q", err, first.String())
		}
		return nil
	})
}

// With a terminal, the process has its own terminal. It must translate line ends once, not twice.
func TestContainerTerminal(t *testing.T) {
	c := connect(t, options(t))
	inContainer(t, c, func(ctx context.Context, ctr gwclient.Container) error {
		o := &out{}
		r, w, err := os.Pipe()
		if err != nil {
			return err
		}
		defer w.Close()
		p, err := start1(ctx, ctr, o, true, r, "terminal")
		if err != nil {
			return err
		}
		if err := p.Resize(ctx, gwclient.WinSize{Rows: 33, Cols: 77}); err != nil {
			return err
		}
		if _, err := w.WriteString("typed\n"); err != nil {
			return err
		}
		if err := p.Wait(); err != nil {
			return err
		}
		if want := "/dev/pts/0: typed\r\n"; !strings.HasSuffix(o.String(), want) { // after the echo of the input
			t.Errorf("got %q, want %q", o.String(), want)
		}
		return nil
	})
}

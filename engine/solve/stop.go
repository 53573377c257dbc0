package solve

import (
	"context"
	"os"
	"syscall"
	"time"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
)

// early cancels the job if the app is asked to end before it has started. It returns when the app starts, or when ctx,
// the job's context, ends.
func (a *app) early(ctx context.Context, cancel func()) {
	for {
		select {
		case s := <-a.req.Signals:
			if !asksToEnd(s) {
				continue
			}
		case <-a.outer.Done():
		case <-a.started:
			return
		case <-ctx.Done():
			return
		}
		cancel()
		return
	}
}

// lingering is how long an app may take to end before Lingers is called.
const lingering = time.Second

// watch forwards signals and terminal sizes until the app has ended. It kills the app if it does not end in time after it
// was asked to.
func (a *app) watch(ctx context.Context, proc gateway.ContainerProcess, streams *stdio) error {
	ended := make(chan error, 1)
	go func() { ended <- proc.Wait() }()
	grace := a.req.Grace
	if grace == 0 {
		grace = DefaultGrace
	}
	outer := a.outer.Done()
	var late, slow <-chan time.Time
	send := func(s syscall.Signal) {
		if asksToEnd(s) {
			if late != nil {
				s = syscall.SIGKILL
			} else if a.req.Lingers != nil {
				slow = time.After(min(lingering, grace/2))
			}
			late = time.After(grace)
		}
		_ = proc.Signal(ctx, s) // it may have ended just now
	}
	for {
		select {
		case err := <-ended:
			return err
		case s := <-a.req.Signals:
			if n, ok := s.(syscall.Signal); ok {
				send(n)
			}
		case <-outer:
			outer = nil
			send(syscall.SIGTERM)
		case <-slow:
			a.req.Lingers()
		case <-late:
			send(syscall.SIGKILL)
		case size := <-streams.sizes:
			_ = proc.Resize(ctx, size)
		}
	}
}

func asksToEnd(s os.Signal) bool {
	switch s {
	case syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT:
		return true
	}
	return false
}

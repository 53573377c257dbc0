package solve

import (
	"context"
	"os"
	"syscall"
	"time"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
)

// early cancels the job when the end is asked for before the app has started. It returns when the app starts, or when ctx, the
// job's, ends without one.
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

// lingering is how long an app may take to end before there is a word about it.
const lingering = time.Second

// watch passes signals and sizes of the terminal on until the app has ended, and ends it when it is asked
// to and does not.
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
		_ = proc.Signal(ctx, s) // it may have ended this moment
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

//go:build linux

package buildkitd

import (
	"context"
	"os"
	"syscall"
	"testing"

	"github.com/nixpacks-cue/nixpacks/engine/buildkitd/ocirt"
)

// SIGKILL leaves no time to clean up, so everything must end by itself: steps are root, and may write to a shared cache.
func TestKilled(t *testing.T) {
	o := options(t)
	connect(t, options(t)) // skips the test on a machine that cannot build
	p := startProcess(t, o.State, nil, "sleep", "1000s")
	p.until("sleeping")
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	p.end()
	if ocirt.Linked {
		gone(t) // at once, and not only when the next engine starts
	}
	c, closer, joined, err := Connect(t.Context(), o)
	if err != nil || joined {
		t.Fatal(joined, err)
	}
	nothingLeft(t, o)
	if _, err := build(t.Context(), c, []string{"echo", "again"}); err != nil {
		t.Error(err)
	}
	if err := closer(); err != nil {
		t.Error(err)
	}
}

// When an interrupted program exits, it has really finished.
func TestTerminated(t *testing.T) {
	for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		o := options(t)
		connect(t, options(t))
		p := startProcess(t, o.State, nil, "sleep", "1000s")
		p.until("sleeping")
		if err := p.cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		p.until("closed")
		nothingLeft(t, o)
		if code := p.end(); code != 1 {
			t.Errorf("exit code %d", code)
		}
	}
}

// The step of a cancelled build is gone when closer returns, with its children and mounts.
func TestCancel(t *testing.T) {
	o := options(t)
	c, closer, _, err := Connect(t.Context(), o)
	needEngine(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out := &watcher{word: "sleeping", found: cancel}
	if err := buildTo(ctx, c, out, []string{"sleep", "1000s"}); err == nil {
		t.Error("a cancelled build succeeded")
	}
	if err := closer(); err != nil {
		t.Error(err)
	}
	nothingLeft(t, o)
}

//go:build !linux

package buildkitd

import (
	"context"
	"runtime"

	"github.com/moby/buildkit/client"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// Invoked is false: no process is a part of an engine here.
func Invoked() bool { return false }

// Main has nothing to do here: there is no embedded engine.
func Main() (handled bool, code int) { return false, 0 }

// CheckLimits has nothing to say where there is no embedded engine.
func CheckLimits(cpu, memory bool) error { return nil }

// Connect says that there is no embedded engine.
func Connect(context.Context, Options) (*client.Client, func() error, bool, error) {
	return nil, nil, false, fault.New(fault.Usage, "there is no embedded engine on %s", runtime.GOOS).
		WithHint("start Docker, or give a BuildKit with --builder or BUILDKIT_HOST")
}

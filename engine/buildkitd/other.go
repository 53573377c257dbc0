//go:build !linux

package buildkitd

import (
	"context"
	"runtime"

	"github.com/moby/buildkit/client"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// Invoked always returns false: this platform has no embedded engine.
func Invoked() bool { return false }

// Main does nothing: this platform has no embedded engine.
func Main() (handled bool, code int) { return false, 0 }

// CheckLimits does nothing: this platform has no embedded engine.
func CheckLimits(cpu, memory bool) error { return nil }

// Connect always fails: this platform has no embedded engine.
func Connect(context.Context, Options) (*client.Client, func() error, bool, error) {
	return nil, nil, false, fault.New(fault.Usage, "there is no embedded engine on %s", runtime.GOOS).
		WithHint("start Docker, or use a BuildKit with --builder or BUILDKIT_HOST")
}

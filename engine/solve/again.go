package solve

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// pauses are those before another try of a build that a registry in trouble has ended. BuildKit itself asks several times, but
// at once, or not where it only looks whether something is there. Tests have shorter ones.
var pauses = []time.Duration{2 * time.Second, 5 * time.Second}

// passing is the cause of a fault that may be gone in a moment, as a registry's trouble is and a wrong password is not.
type passing struct{ error }

// Unwrap gives the cause proper.
func (p passing) Unwrap() error { return p.error }

// insistently calls build, and once more after each pause while what it fails of may pass. What it has done until then is in
// the cache.
func (e *Engine) insistently(ctx context.Context, req Request, build func() error) error {
	for _, pause := range pauses {
		err := build()
		if !errors.As(err, new(passing)) || slices.ContainsFunc(req.Outputs, isStream) {
			return err
		}
		e.tell(fmt.Sprintf("%s: another try in %v", fault.All(err)[0].Msg, pause))
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return interrupted(ctx)
		}
	}
	return build()
}

// isStream tells whether what was written to an output cannot be taken back.
func isStream(o Output) bool { return o.Dest == "-" }

func (e *Engine) tell(line string) {
	if e.say != nil {
		e.say(line)
	}
}

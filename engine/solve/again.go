package solve

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// retryDelays are the delays before each retry of a build that failed because of a registry. BuildKit itself retries several
// times, but without a delay, and not at all when it only checks whether something exists. Tests use shorter retryDelays.
var retryDelays = []time.Duration{2 * time.Second, 5 * time.Second}

// transient marks the cause of a transient fault, such as a registry outage, but not a wrong password.
type transient struct{ error }

// Unwrap returns the marked error.
func (p transient) Unwrap() error { return p.error }

// withRetries calls build, and retries it after each pause while it fails with a transient fault. Finished steps are in
// the cache by then. A build that streams an output is not retried.
func (e *Engine) withRetries(ctx context.Context, req Request, build func() error) error {
	for _, pause := range retryDelays {
		err := build()
		if !errors.As(err, new(transient)) || slices.ContainsFunc(req.Outputs, isStream) {
			return err
		}
		e.tell(fmt.Sprintf("%s: retrying in %v", fault.All(err)[0].Msg, pause))
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return fault.Interruption(ctx)
		}
	}
	return build()
}

// isStream reports whether data written to the output cannot be taken back.
func isStream(o Output) bool { return o.Dest == "-" }

func (e *Engine) tell(line string) {
	if e.say != nil {
		e.say(line)
	}
}

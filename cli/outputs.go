package cli

import (
	"math"
	"strconv"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// epochKey is the variable that says which time an image has.
const epochKey = "SOURCE_DATE_EPOCH"

// epoch is the time of the image and the latest of its files, in seconds of Unix time: as the caller's environment says,
// like docker buildx, or the plan, where SOURCE_DATE_EPOCH is a variable; else 0.
func epoch(h *Host, p *plan.Plan) (int64, error) {
	text, ok := environMap(h.Environ)[epochKey]
	if !ok || text == "" {
		text = p.Variables[epochKey]
	}
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > math.MaxUint32 {
		return 0, fault.New(fault.Usage, "%s is %q, which is no time in seconds since 1970", epochKey, text).
			WithHint("in a git repository: export %s=$(git log -1 --format=%%ct)", epochKey)
	}
	return n, nil
}

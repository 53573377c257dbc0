package solve

import (
	"context"
	"errors"
	"strings"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan2llb"
)

// AptMoved is the cause of a fault: apt takes other packages than those that a build is pinned to.
type AptMoved struct {
	// Now are the pins that would be right, as far as they could be found.
	Now []Pin
}

func (*AptMoved) Error() string { return plan2llb.AptMoved }

// again is what to do where an archive has moved.
const again = "look at what changes, and pin it: nixpacks lock --update\n" +
	"or take what is pinned from a mirror that has snapshots: --debian-mirror URL, with {date} in it"

// aptMoved is the fault of a step whose packages are not those that are pinned.
func (f failure) aptMoved() error {
	lines := strings.Split(f.seen.logs[f.vertex].String(), "\n")
	return &fault.Fault{Code: fault.Refused, Msg: lines[len(lines)-1], Hint: again, At: f.places(), Err: &AptMoved{}}
}

// whatMoved finds out what apt takes now, where that ended a build.
func (e *Engine) whatMoved(ctx context.Context, req Request, err error) error {
	var moved *AptMoved
	if !errors.As(err, &moved) {
		return err
	}
	req.Bases.Known = nil
	for _, in := range append([]plan2llb.Input{req.Lower}, req.Also...) {
		req.Lower = in
		pins, failed := e.pins(ctx, req)
		if failed != nil { // what is known is said
			break
		}
		for _, p := range pins {
			if p.Apt != nil {
				moved.Now = append(moved.Now, p)
			}
		}
	}
	return err
}

// noteMoved says of steps that installed other packages than those that are pinned, which a build without --locked may.
func (j *job) noteMoved(to Bases) {
	for _, f := range j.lowered.Fetches() {
		if !f.Pinned {
			continue
		}
		for line := range strings.Lines(j.seen.logs[f.Vertex].String()) {
			if strings.HasPrefix(line, "note: "+plan2llb.AptMoved) {
				to.say(strings.TrimSuffix(line, "\n") + "; nixpacks lock --update says which")
			}
		}
	}
}

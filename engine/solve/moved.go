package solve

import (
	"context"
	"errors"
	"strings"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan2llb"
)

// AptMoved is the cause of a fault: apt selects other packages than those that the build is pinned to.
type AptMoved struct {
	// Now lists the pins that would be correct, as far as they could be found.
	Now []Pin
}

func (*AptMoved) Error() string { return plan2llb.AptMoved }

// hintMoved is the hint for an archive that has changed.
const hintMoved = "look at what changes, and pin it: nixpacks lock --update\n" +
	"or install the pinned packages from a mirror with snapshots: --debian-mirror URL, with {date} in the URL"

// aptMoved returns the fault for a step whose packages differ from the pinned ones.
func (f failure) aptMoved() error {
	lines := strings.Split(f.seen.Log(f.vertex), "\n")
	return &fault.Fault{Code: fault.Refused, Msg: lines[len(lines)-1], Hint: hintMoved, At: f.places(), Err: &AptMoved{}}
}

// addMoved adds apt's current selection to an error caused by changed packages.
func (e *Engine) addMoved(ctx context.Context, req Request, err error) error {
	var moved *AptMoved
	if !errors.As(err, &moved) {
		return err
	}
	req.Bases.Known = nil
	for _, in := range append([]plan2llb.Input{req.Lower}, req.Also...) {
		req.Lower = in
		pins, failed := e.pins(ctx, req)
		if failed != nil { // report what is known
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

// noteMoved reports steps that installed other packages than the pinned ones, which is allowed without --locked.
func (j *job) noteMoved(to Bases) {
	for _, f := range j.lowered.Fetches() {
		if !f.Pinned {
			continue
		}
		for line := range strings.Lines(j.seen.Log(f.Vertex)) {
			if strings.HasPrefix(line, "note: "+plan2llb.AptMoved) {
				to.say(strings.TrimSuffix(line, "\n") + "; nixpacks lock --update lists the changes")
			}
		}
	}
}

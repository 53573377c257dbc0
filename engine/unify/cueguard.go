package unify

import (
	"fmt"
	"runtime/metrics"
	"time"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// budget is what evaluating a nixpacks.cue may take. An honest one takes a millisecond and a few hundred
// kilobytes; CUE itself has no limits, and ten lines can ask it for years of work.
type budget struct {
	time   time.Duration
	memory uint64 // bytes
}

var allowed = budget{5 * time.Second, 512 << 20}

const lookEvery = 5 * time.Millisecond

// guard runs f, which evaluates the CUE file called name, within limits. Where it exceeds them, f is left
// to itself and a fault is returned: CUE cannot be interrupted, and the program is about to end anyway. A
// single operation that allocates more than there is cannot be caught.
func (b budget) guard(name string, f func() error) error {
	done := make(chan error, 1)
	go func() {
		defer func() {
			if r := recover(); r != nil {
				done <- &fault.Fault{Code: fault.Bug, Msg: name + " makes the evaluator of CUE fail",
					At: []fault.Pos{{File: name}}, Err: fmt.Errorf("%v", r)}
			}
		}()
		done <- f()
	}()
	over, look, start := time.After(b.time), time.NewTicker(lookEvery), heap()
	defer look.Stop()
	for {
		select {
		case err := <-done:
			return err
		case <-over:
			return tooCostly(name, "time")
		case <-look.C:
			if heap() > start+b.memory {
				return tooCostly(name, "memory")
			}
		}
	}
}

func heap() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

func tooCostly(name, what string) error {
	return fault.New(fault.Refused, "%s takes too much %s to evaluate", name, what).WithPos(fault.Pos{File: name}).
		WithHint("look for loops over loops, and for values that double one another")
}

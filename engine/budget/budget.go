// Package budget limits the work done on untrusted input. An app, a configuration or a provider can request years of work
// in ten lines, and neither parsers nor the CUE evaluator can be interrupted.
package budget

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// Budget limits one unit of work. While may be called on a nil Budget, which has no limits.
type Budget struct {
	Time   time.Duration // CPU time: a slow disk or a busy machine does not count
	Memory uint64        // bytes of heap and stacks

	doing atomic.Pointer[Work]
}

// New returns the budget of a plan. An ordinary app takes milliseconds and a few megabytes.
func New() *Budget { return &Budget{Time: 3 * time.Second, Memory: 320 << 20} }

// Work is a separately reported part of the work.
type Work struct {
	// Costly returns the fault for work that exceeds a limit; what is "time" or "memory".
	Costly func(what string) *fault.Fault
	// CUE names the input of the CUE evaluator if it was not written by this project; "" otherwise. A panic of the
	// evaluator is then blamed on that input.
	CUE string
	At  []fault.Pos
}

var abandoned atomic.Int64

// Abandoned reports whether abandoned work is still running. GC settings must not be changed while it is: changing them
// stops the world, which waits for such work (see pauseGC), and everything else waits while that work takes more.
func Abandoned() bool { return abandoned.Load() > 0 }

// lookEvery is the interval between checks of the limits.
const lookEvery = 5 * time.Millisecond

// Run runs f within the limits. If f exceeds a limit, Run abandons it and returns the fault (Refused) of the part that
// was running; the program is expected to exit soon. A panic in f is propagated.
func (b *Budget) Run(w Work, f func() error) error {
	type outcome struct {
		err error
		bad any
	}
	done, exceeded := make(chan outcome, 1), b.limits()
	go func() {
		var o outcome
		defer func() {
			o.bad = recover()
			done <- o
		}()
		o.err = b.While(w, f)
	}()
	release := pauseGC()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		select {
		case o := <-done:
			release()
			if o.bad != nil {
				panic(o.bad)
			}
			return o.err
		case <-look.C:
			what := exceeded()
			if doing := b.doing.Load(); what != "" && doing != nil {
				abandoned.Add(1)
				go func() {
					<-done
					release()
					abandoned.Add(-1)
				}()
				return doing.Costly(what)
			}
		}
	}
}

// limits returns a function that reports which limit is exceeded, or "". It must be called every lookEvery.
func (b *Budget) limits() func() string {
	looks, start, begun := time.Duration(0), processorTime(), memory()
	var heap heapWatch
	return func() string {
		looks++
		used := processorTime() - start
		if start < 0 { // CPU time is not available on this system
			used = looks * lookEvery
		}
		now := memory()
		heap.look(now, begun+b.Memory/2)
		switch {
		case used > b.Time:
			return "time"
		case now > begun+b.Memory:
			return "memory"
		}
		return ""
	}
}

// While runs f as a part of the work. Run attributes exceeded limits to the innermost part.
func (b *Budget) While(w Work, f func() error) (err error) {
	if b != nil {
		before := b.doing.Swap(&w)
		defer b.doing.Store(before)
	}
	if w.CUE != "" {
		defer func() {
			if r := recover(); r != nil {
				err = (&fault.Fault{Code: fault.Refused, Msg: w.CUE + " makes the CUE evaluator fail", At: w.At, Err: fmt.Errorf("%v", r)}).
					WithHint("this is a bug in CUE: undo the last change, and please report it")
			}
		}()
	}
	return f()
}

// Evaluation describes the evaluation of the CUE input called name.
func Evaluation(name string, at ...fault.Pos) Work {
	return Work{CUE: name, At: at, Costly: func(what string) *fault.Fault {
		return fault.New(fault.Refused, "%s takes too much %s to evaluate", name, what).WithPos(at...).
			WithHint("look for nested loops, and for values that grow exponentially")
	}}
}

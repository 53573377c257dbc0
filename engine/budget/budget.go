// Package budget keeps work on what strangers wrote within limits. An app, a configuration or a provider may ask for years
// of work in ten lines, and neither parsers nor the evaluator of CUE can be interrupted.
package budget

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// Budget is what one piece of work may take. While may be called on nil, which has no limits.
type Budget struct {
	Time   time.Duration // of processors: a slow disk, or a machine with other things to do, is nobody's fault
	Memory uint64        // bytes of the heap and of stacks

	doing atomic.Pointer[Work]
}

// New is what a plan may take. That of an honest app takes milliseconds and some megabytes.
func New() *Budget { return &Budget{Time: 3 * time.Second, Memory: 320 << 20} }

// Work is a part of the work that can be told apart.
type Work struct {
	// Costly is the fault for work that takes too much of what, "time" or "memory".
	Costly func(what string) *fault.Fault
	// CUE is the name of what the evaluator of CUE is given that others than this project wrote; "" for nothing. Where it
	// panics, that is their doing.
	CUE string
	At  []fault.Pos
}

var abandoned atomic.Int64

// Abandoned tells whether work goes on that was left to itself. The collector of garbage is not to be set then: that waits
// for such work as collecting does (holdCollector), and all others wait with it, while it takes more.
func Abandoned() bool { return abandoned.Load() > 0 }

// lookEvery is how often the limits are looked at.
const lookEvery = 5 * time.Millisecond

// Run does work within the limits. Where it exceeds them it is left to itself, and the fault (Refused) of that part of it
// that is being done is returned: the program is about to end anyway. A panic is passed on.
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
	release := holdCollector()
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

// limits gives a function that tells which limit is exceeded, "" for none. It is to be called every lookEvery.
func (b *Budget) limits() func() string {
	looks, spent, begun := time.Duration(0), processorTime(), memory()
	var heap collected
	return func() string {
		looks++
		took := processorTime() - spent
		if spent < 0 { // this system does not tell
			took = looks * lookEvery
		}
		now := memory()
		heap.look(now, begun+b.Memory/2)
		switch {
		case took > b.Time:
			return "time"
		case now > begun+b.Memory:
			return "memory"
		}
		return ""
	}
}

// While does a part of the work.
func (b *Budget) While(w Work, f func() error) (err error) {
	if b != nil {
		before := b.doing.Swap(&w)
		defer b.doing.Store(before)
	}
	if w.CUE != "" {
		defer func() {
			if r := recover(); r != nil {
				err = (&fault.Fault{Code: fault.Refused, Msg: w.CUE + " makes the evaluator of CUE fail", At: w.At, Err: fmt.Errorf("%v", r)}).
					WithHint("this is a bug of CUE's: take out what was added last, and please report it")
			}
		}()
	}
	return f()
}

// Evaluation is the work of evaluating CUE that is called name.
func Evaluation(name string, at ...fault.Pos) Work {
	return Work{CUE: name, At: at, Costly: func(what string) *fault.Fault {
		return fault.New(fault.Refused, "%s takes too much %s to evaluate", name, what).WithPos(at...).
			WithHint("look for loops over loops, and for values that double one another")
	}}
}

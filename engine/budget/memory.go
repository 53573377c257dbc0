package budget

import (
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"sync/atomic"
)

// memory returns the size of heap and stacks in bytes, garbage included.
func memory() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64() + s[1].Value.Uint64()
}

// held counts the watched Run calls, and keeps the GC settings from before the first one.
var held struct {
	sync.Mutex
	works, percent int
	limit          int64
}

// pauseGC disables GC, except for the collections that the watch itself starts. GC stops the world, which can take
// a tenth of a second while goroutines copy large strings. Values that double each other would meanwhile grow from
// megabytes to gigabytes before the watch checks again.
func pauseGC() (release func()) {
	held.Lock()
	defer held.Unlock()
	if held.works++; held.works == 1 {
		held.percent, held.limit = debug.SetGCPercent(-1), debug.SetMemoryLimit(math.MaxInt64)
	}
	return func() {
		held.Lock()
		defer held.Unlock()
		if held.works--; held.works == 0 {
			debug.SetGCPercent(held.percent)
			debug.SetMemoryLimit(held.limit)
		}
	}
}

// heapWatch tracks the heap of the watched work.
type heapWatch struct {
	before  uint64        // at the last check
	calm    int           // number of checks to wait after a leap
	least   atomic.Uint64 // after the last collection
	running atomic.Bool
}

// leap is a growth between two checks that is too large to come from small values. Another leap may follow within
// longCalm checks.
const (
	leap     = 48 << 20
	longCalm = 100
)

// look starts a collection if memory exceeds from and has grown by from/2 since the last collection, but not while leaps
// occur.
func (c *heapWatch) look(now, from uint64) {
	if c.calm = max(c.calm-1, 0); now > c.before+leap {
		c.calm = longCalm
	}
	c.before = now
	if now < max(from, c.least.Load()+from/2) || c.calm > 0 || !c.running.CompareAndSwap(false, true) {
		return
	}
	go func() {
		runtime.GC()
		c.least.Store(memory())
		c.running.Store(false)
	}()
}

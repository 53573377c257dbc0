package budget

import (
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"sync/atomic"
)

// memory is what the heap and stacks take, garbage included.
func memory() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64() + s[1].Value.Uint64()
}

// held is how many works are being watched, and how the collector of garbage was set before the first of them.
var held struct {
	sync.Mutex
	works, percent int
	limit          int64
}

// holdCollector keeps garbage from being collected unless the watch asks for it. The collector stops all goroutines, for
// which it waits for those that copy large strings, for as long as a tenth of a second: meanwhile values that double one
// another would have grown from megabytes to gigabytes before the watch looks again.
func holdCollector() (release func()) {
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

// collected is the heap as the watch sees it.
type collected struct {
	before  uint64        // at the last look
	calm    int           // how many looks to wait, after a leap
	least   atomic.Uint64 // after the last collection
	running atomic.Bool
}

// leap is so much at one look that it is no sum of small values; within longCalm looks another may follow.
const (
	leap     = 48 << 20
	longCalm = 100
)

// look collects garbage where there is more than from, and as much again as after the last time, but not among leaps.
func (c *collected) look(now, from uint64) {
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

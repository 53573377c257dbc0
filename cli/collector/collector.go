// Package collector puts garbage collection off while the program starts and while it plans, which takes a few
// milliseconds and megabytes, a tenth of which the collector would spend.
//
// Go initializes packages whose imports are ready in the order of their paths: this one imports next to nothing, and is
// thus ready before those that allocate most at the start.
package collector

import "runtime/debug"

// enough is the use of memory in bytes from which on garbage is collected nevertheless.
const enough = 256 << 20

var percent, limit = debug.SetGCPercent(-1), debug.SetMemoryLimit(enough)

// Off puts collection off, as it is when the program starts.
func Off() {
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(enough)
}

// On collects as the process's environment says.
func On() {
	debug.SetGCPercent(percent)
	debug.SetMemoryLimit(limit)
}

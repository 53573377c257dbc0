// Package collector puts garbage collection off while the program starts and while it plans, which takes a few
// milliseconds and megabytes, a tenth of which the collector would spend.
//
// It begins with the initialization of this package. Go initializes packages in the order of their paths as soon as
// what they import is ready: this one imports next to nothing, and comes before the first collection would.
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

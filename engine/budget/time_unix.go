//go:build unix

package budget

import (
	"syscall"
	"time"
)

// processorTime returns the CPU time used by this process, or a negative value if it is unknown.
func processorTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return -1
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

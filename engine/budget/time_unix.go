//go:build unix

package budget

import (
	"syscall"
	"time"
)

// processorTime is what this process has used of processors; below 0 where that is not known.
func processorTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return -1
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

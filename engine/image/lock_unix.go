//go:build unix

package image

import (
	"os"

	"golang.org/x/sys/unix"
)

// lock takes the exclusive lock of an open file or directory. The system releases it when the process ends.
func lock(f *os.File) bool { return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil }

// noWait is the flag that makes opening a pipe return at once.
const noWait = unix.O_NONBLOCK

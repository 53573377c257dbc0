package collector

import (
	"syscall"
	"unsafe"
)

// chunk is what Go's heap grows by, in bytes, and what its growth is aligned to.
const chunk = 4 << 20

// skipped is two pieces, each larger than what the heap has free at that moment: the rest of a chunk, and then the rest of the
// two chunks that it has grown by for the first piece. So it grows by three more, and most of those are free and not touched yet.
// Nothing touches the pieces either: they take addresses and no memory, until garbage is collected.
var skipped struct {
	first  *[chunk + 1]byte
	second *[2*chunk + 1]byte
}

// A plan touches some ten megabytes for the first time. In pages of 4 KB these are 2,500 faults, which take a sixth of its time;
// one of 2 MB takes as long as a hundred of 4 KB.
func init() {
	skipped.first = new([chunk + 1]byte)
	skipped.second = new([2*chunk + 1]byte)
	behind := (uintptr(unsafe.Pointer(skipped.second)) + 2*chunk) &^ (chunk - 1)
	skipped.first, skipped.second = nil, nil
	// Where there are no huge pages, or whoever runs the machine allows none, nothing changes.
	_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, behind, 3*chunk, syscall.MADV_HUGEPAGE)
}

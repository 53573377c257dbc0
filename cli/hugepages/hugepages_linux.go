package hugepages

import (
	"runtime"
	"syscall"
	"unsafe"
)

const (
	huge  = 2 << 20 // bytes of a page
	frame = 8 << 20 // bytes of a function's frame
	stack = 2 * frame
)

// Stacks are parts of the heap, of the size of the next power of two. One is given back when its goroutine ends, and of a frame
// those bytes alone are touched that its function uses. So the heap has grown by 16 MB afterwards, which are free and were not touched: the
// kernel maps them in the pages that are asked for here.
func init() {
	others, place := runtime.NumGoroutine(), make(chan uintptr)
	go func() { place <- tall(false) }()
	end := <-place &^ (huge - 1)
	for i := 0; i < 1<<16 && runtime.NumGoroutine() > others; i++ { // until the stack is given back, mostly at once
		runtime.Gosched()
	}
	// Where there are no huge pages, or whoever runs the machine allows none, nothing changes.
	_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, end-(stack-huge), stack-huge, syscall.MADV_HUGEPAGE)
}

// tall gives a place at the upper end of the stack, where its frame begins.
//
//go:noinline
func tall(use bool) uintptr {
	var here byte
	if use {
		wide()
	}
	return uintptr(unsafe.Pointer(&here))
}

//go:noinline
func wide() (out [frame]byte) { return out }

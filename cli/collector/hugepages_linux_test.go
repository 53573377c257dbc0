package collector

import (
	"bufio"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"unsafe"
)

var sink []*[64 << 10]byte

// TestHugePages allocates what a small plan does, and finds it in the part of the heap that was asked for in huge pages.
func TestHugePages(t *testing.T) {
	if _, err := os.Stat("/sys/kernel/mm/transparent_hugepage"); err != nil {
		t.Skip("this kernel has no huge pages:", err)
	}
	begin, end := hugeHeap(t)
	in := 0
	sink = nil
	for range 64 {
		o := fresh()
		sink = append(sink, o)
		if at := uintptr(unsafe.Pointer(o)); begin <= at && at < end {
			in++
		}
	}
	if in < len(sink)*3/4 {
		t.Errorf("%d of %d objects are between %x and %x", in, len(sink), begin, end)
	}
}

func fresh() *[64 << 10]byte { return new([64 << 10]byte) }

// hugeHeap is where the kernel says that it uses huge pages.
func hugeHeap(t *testing.T) (begin, end uintptr) {
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		t.Skip(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var a, b uintptr
		if _, err := fmt.Sscanf(lines.Text(), "%x-%x ", &a, &b); err == nil {
			begin, end = a, b
		}
		if flags, ok := strings.CutPrefix(lines.Text(), "VmFlags:"); ok && slices.Contains(strings.Fields(flags), "hg") {
			return begin, end
		}
	}
	t.Fatal("the heap was not asked for in huge pages")
	return 0, 0
}

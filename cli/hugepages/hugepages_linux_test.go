package hugepages

import (
	"bufio"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"unsafe"
)

const objects = 128 // of 64 KB, together as much as a small plan uses

var kept [objects]*[64 << 10]byte

// TestHugePages fills the heap, and checks that most of it is where the kernel was asked for huge pages. The heap begins
// with the rest of its first page.
func TestHugePages(t *testing.T) {
	if _, err := os.Stat("/sys/kernel/mm/transparent_hugepage"); err != nil {
		t.Skip("this kernel has no huge pages:", err)
	}
	begin, end := hugeHeap(t)
	in := 0
	for i := range kept {
		kept[i] = new([64 << 10]byte)
		if at := uintptr(unsafe.Pointer(kept[i])); begin <= at && at < end {
			in++
		}
	}
	if in < objects/2 {
		t.Errorf("%d of %d objects are between %x and %x", in, objects, begin, end)
	}
}

// hugeHeap returns the range in which the kernel reports huge pages.
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

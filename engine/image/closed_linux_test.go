package image

import (
	"os"
	"path/filepath"
	"testing"
)

// An archive that cannot be read leaves no open file behind.
func TestBrokenArchiveIsClosed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "broken")
	if err := os.WriteFile(file, []byte("\x1f\x8b\x00\x00"), 0o600); err != nil {
		t.Fatal(err)
	}
	if img, err := Open(file, Select{}); err == nil {
		img.Close()
		t.Error("there is an image")
	}
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		if to, _ := os.Readlink(filepath.Join("/proc/self/fd", fd.Name())); to == file {
			t.Error("the file is still open")
		}
	}
}

//go:build unix

package image

import (
	"path/filepath"
	"syscall"
	"testing"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// A pipe is not an archive: reading it could block forever.
func TestOpenPipe(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Open(pipe, Select{})
	wantFault(t, err, fault.Usage, "is neither a file nor a folder")
}

package buildkitd

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// What an engine leaves that is killed while it tries an overlay goes with the next try.
func TestOldProbe(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "probe123", "lower", "d"), 0o700); err != nil {
		t.Fatal(err)
	}
	_ = tryOverlay(dir) // whether this machine can mount one or not
	if left, err := fs.Glob(os.DirFS(dir), "*"); err != nil || len(left) > 0 {
		t.Errorf("left: %q, %v", left, err)
	}
}

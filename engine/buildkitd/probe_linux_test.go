package buildkitd

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// Leftovers of an engine that was killed during tryOverlay are removed by the next one.
func TestOldProbe(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "probe123", "lower", "d"), 0o700); err != nil {
		t.Fatal(err)
	}
	_ = tryOverlay(dir) // whether or not this machine can mount an overlay
	if left, err := fs.Glob(os.DirFS(dir), "*"); err != nil || len(left) > 0 {
		t.Errorf("left: %q, %v", left, err)
	}
}

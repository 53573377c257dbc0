//go:build unix

package cli

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// Nothing is read from, or written to, another user's state: the folder itself, a link to it, and the images in it.
func TestStateDirOfAnotherUser(t *testing.T) {
	home := t.TempDir()
	h := &Host{Environ: []string{"XDG_STATE_HOME=" + home}}
	state := filepath.Join(home, "nixpacks")
	allowed := func(what string, want bool) {
		t.Helper()
		if _, err := h.stateDir(); (err == nil) != want || err != nil && fault.CodeOf(err) != fault.Usage {
			t.Errorf("%s: %v", what, err)
		}
	}
	allowed("no folder yet", true)
	images := filepath.Join(state, "images")
	if err := os.MkdirAll(images, 0o700); err != nil {
		t.Fatal(err)
	}
	allowed("its own", true)
	if err := os.Chown(images, 12345, -1); err != nil {
		t.Skipf("this user may not give directories away: %v", err)
	}
	allowed("images of another user", false)
	if err := os.Chown(state, 12345, -1); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(images); err != nil {
		t.Fatal(err)
	}
	allowed("a folder of another user", false)
	theirs := filepath.Join(home, "theirs")
	if err := os.Rename(state, theirs); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(theirs, state); err != nil {
		t.Fatal(err)
	}
	allowed("a link to a folder of another user", false)
}

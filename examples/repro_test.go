package examples

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/nixpacks-cue/nixpacks/engine/image"
)

// TestRepro builds apps anew, on an engine that has built nothing before: each image must be the one that the engine of
// the other tests has. NIXPACKS_REPRO says how many times, once if it does not.
func TestRepro(t *testing.T) {
	t.Parallel() // it waits more than it computes
	needReal(t)
	bin := program(t)
	times := 1
	if n, err := strconv.Atoi(os.Getenv("NIXPACKS_REPRO")); err == nil {
		times = n
	}
	state := "XDG_STATE_HOME=" + t.TempDir()
	for _, app := range []string{"node-express", "python-flask", "rust-http"} {
		t.Run(app, func(t *testing.T) {
			want := digestOf(t, bin, app, nil)
			for i := range times {
				if got := digestOf(t, bin, app, []string{state}, "--no-cache"); got != want {
					t.Errorf("build %d without cache: %s, with it: %s", i+1, got, want)
				}
			}
		})
	}
}

// digestOf builds an app and gives the digest of its image.
func digestOf(t *testing.T, bin, app string, environ []string, flags ...string) digest.Digest {
	t.Helper()
	out := filepath.Join(t.TempDir(), "image") + "/"
	cmd := exec.Command(bin, append([]string{"build", "--progress", "plain", "--output", "type=oci,dest=" + out, app}, flags...)...)
	cmd.Env = append(os.Environ(), environ...)
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, said)
	}
	img, err := image.Open(out, image.Select{})
	if err != nil {
		t.Fatal(err)
	}
	defer img.Close()
	return img.Desc.Digest
}

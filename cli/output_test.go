package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/nixpacks-cue/nixpacks/engine/image"
)

// TestKeptAs checks that a built image is found by each of its names, wherever the state is.
func TestKeptAs(t *testing.T) {
	state := filepath.Join(t.TempDir(), "[state]") // looks like a glob pattern
	first, other := "docker.io/library/app:latest", "docker.io/library/app:1.0"
	dir, err := keptAt(state, []string{"app", "app:1.0"}, "")
	if err != nil {
		t.Fatal(err)
	}
	s, err := image.NewStage(dir)
	if err != nil {
		t.Fatal(err)
	}
	add := func(v any) ocispecs.Descriptor {
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		d := ocispecs.Descriptor{MediaType: ocispecs.MediaTypeImageManifest, Digest: digest.FromBytes(raw), Size: int64(len(raw))}
		if err := os.WriteFile(filepath.Join(s.Dir(), "blobs", "sha256", d.Digest.Encoded()), raw, 0o600); err != nil {
			t.Fatal(err)
		}
		return d
	}
	if _, err := s.Commit(add(ocispecs.Manifest{Config: add(ocispecs.Image{})}), []string{first, other}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{first, other} {
		if got, err := keptAs(state, name); got != dir || err != nil {
			t.Errorf("%s is at %q, %v", name, got, err)
		}
	}
	if got, err := keptAs(state, "docker.io/library/app:2.0"); err == nil {
		t.Errorf("an image of no such name is at %q", got)
	}
}

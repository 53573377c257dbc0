package solve

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/containerd/containerd/v2/core/content"
	contentlocal "github.com/containerd/containerd/v2/plugins/content/local"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// Late writes do not recreate the directory.
func TestClosable(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	store, err := contentlocal.NewStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	g := &closable{Store: store}
	early, err := g.Writer(t.Context(), content.WithRef("early"), content.WithDescriptor(ocispecs.Descriptor{Size: 3}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := early.Write([]byte("abc")); err != nil {
		t.Fatal(err)
	}
	g.close()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := early.Commit(t.Context(), 3, ""); !errors.Is(err, errShut) {
		t.Errorf("Commit: %v", err)
	}
	if err := early.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if w, err := g.Writer(t.Context(), content.WithRef("late")); !errors.Is(err, errShut) || w != nil {
		t.Errorf("Writer: %v, %v", w, err)
	}
	if _, err := os.Lstat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the directory is there again: %v", err)
	}
}

// Closing the store ends an open writer. If the writer were closed later, it would write into its directory.
func TestClosableEnds(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	store, err := contentlocal.NewStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	g := &closable{Store: store}
	w, err := g.Writer(t.Context(), content.WithRef("early"), content.WithDescriptor(ocispecs.Descriptor{Size: 3}))
	if err != nil {
		t.Fatal(err)
	}
	g.close()
	notes, err := filepath.Glob(filepath.Join(dir, "ingest/*/updatedat"))
	if err != nil || len(notes) != 1 {
		t.Fatalf("%v, %v", notes, err)
	}
	if err := os.Remove(notes[0]); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("abc")); !errors.Is(err, errShut) {
		t.Errorf("Write: %v", err)
	}
	if err := w.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if _, err := os.Lstat(notes[0]); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("closed once more: %v", err)
	}
}

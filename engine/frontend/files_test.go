package frontend

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	cacheutil "github.com/moby/buildkit/cache/util"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/tonistiigi/fsutil/types"
)

// kept is a directory as a daemon keeps it, read with the daemon's own code.
type kept struct {
	gateway.Reference
	dir string
}

const maxRead = 64 << 20

func (k kept) ReadFile(ctx context.Context, r gateway.ReadRequest) ([]byte, error) {
	req := cacheutil.ReadRequest{Filename: r.Filename}
	if r.Range != nil {
		req.Range = &cacheutil.FileRange{Offset: r.Range.Offset, Length: r.Range.Length}
	}
	return cacheutil.ReadFile(ctx, k.dir, req, maxRead)
}

func (k kept) ReadDir(ctx context.Context, r gateway.ReadDirRequest) ([]*types.Stat, error) {
	return cacheutil.ReadDir(ctx, k.dir, cacheutil.ReadDirRequest{Path: r.Path, IncludePattern: r.IncludePattern})
}

func TestFiles(t *testing.T) {
	top := t.TempDir()
	dir := filepath.Join(top, "app")
	for name, text := range map[string]string{"a/b/c": "deep", "d": "file", "../outside": "secret", "big": string(make([]byte, maxMessage+3))} {
		os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o777)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for name, to := range map[string]string{"a/up": "../d", "dirlink": "a/b", "out": "../outside", "abs": "/d", "loop": "loop", "dot": "a/b/../../d"} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	f := newFiles(t.Context(), kept{dir: dir})
	for name, want := range map[string]string{"a/b/c": "deep", "a/up": "file", "dirlink/c": "deep", "dot": "file"} {
		if got, err := fs.ReadFile(f, name); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	for name, want := range map[string]error{"out": errEscapes, "abs": errEscapes, "loop": errLinks, "nothing": fs.ErrNotExist, "d/x": fs.ErrNotExist, "../outside": fs.ErrInvalid} {
		if _, err := fs.ReadFile(f, name); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
	if big, err := fs.ReadFile(f, "big"); err != nil || len(big) != maxMessage+3 {
		t.Errorf("%d bytes, %v", len(big), err)
	}
	ents, err := f.ReadDir("a")
	names := []string{}
	for _, e := range ents {
		names = append(names, e.Name())
	}
	if err != nil || !slices.Equal(names, []string{"b", "up"}) || ents[1].Type() != fs.ModeSymlink {
		t.Errorf("%v, %v", ents, err)
	}
}

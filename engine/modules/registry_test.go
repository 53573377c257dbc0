package modules

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cuelabs.dev/go/oci/ociregistry"
	"cuelabs.dev/go/oci/ociregistry/ocimem"
	"cuelabs.dev/go/oci/ociregistry/ociserver"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/lock"
)

// registry is an in-memory registry. A test may intercept its requests.
type registry struct {
	mem  ociregistry.Interface
	host string
	wrap func(w http.ResponseWriter, r *http.Request, next http.Handler) // intercepts requests; nil for none
}

func newRegistry(t *testing.T) *registry {
	t.Helper()
	before := pauses
	pauses = []time.Duration{time.Microsecond, time.Microsecond}
	t.Cleanup(func() { pauses = before })
	r := &registry{mem: ocimem.New()}
	real := ociserver.New(r.mem, nil)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if r.wrap != nil {
			r.wrap(w, req, real)
			return
		}
		real.ServeHTTP(w, req)
	}))
	t.Cleanup(s.Close)
	r.host = strings.TrimPrefix(s.URL, "http://")
	return r
}

// client returns a client with its own cache.
func (r *registry) client(t *testing.T, env ...string) *Registries {
	t.Helper()
	return Open(Options{Env: append([]string{"HOME=" + t.TempDir(), "CUE_REGISTRY=" + r.host}, env...), Cache: t.TempDir()})
}

// folder writes a provider to a folder.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		at := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const moduleText = `module: "example.com/lua@v0"
language: version: "v0.17.0"
source: kind: "self"
`

func packed(t *testing.T, text string) *Packed {
	t.Helper()
	p, err := Pack(t.Context(), folder(t, map[string]string{moduleFile: moduleText, "lua.cue": text}), "v0.1.0")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// published returns a module that is published in the registry.
func (r *registry) published(t *testing.T) lock.Pin {
	t.Helper()
	p := packed(t, "package lua\n")
	if _, err := r.client(t).Publish(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	return p.Pin
}

// put pushes content that an honest publisher would not, and returns its pin.
func (r *registry) put(t *testing.T, archive []byte, change func(*ocispec.Manifest)) lock.Pin {
	t.Helper()
	ctx, repo := context.Background(), "example.com/lua"
	blob := func(media string, data []byte) ocispec.Descriptor {
		d := ocispec.Descriptor{MediaType: media, Digest: ociregistry.Digest(digestOf(data)), Size: int64(len(data))}
		if _, err := r.mem.PushBlob(ctx, repo, d, bytes.NewReader(data)); err != nil {
			t.Fatal(err)
		}
		return d
	}
	m := ocispec.Manifest{
		MediaType: ocispec.MediaTypeImageManifest,
		Config:    blob("application/vnd.cue.module.v1+json", []byte("{}")),
		Layers:    []ocispec.Descriptor{blob("application/zip", archive), blob("application/vnd.cue.modulefile.v1", []byte(moduleText))},
	}
	m.SchemaVersion = 2
	if change != nil {
		change(&m)
	}
	raw, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.mem.PushManifest(ctx, repo, "v0.1.0", raw, ocispec.MediaTypeImageManifest); err != nil {
		t.Fatal(err)
	}
	return lock.Pin{Path: "example.com/lua@v0", Module: lock.Module{Version: "v0.1.0", Digest: digestOf(raw)}}
}

// archive returns a zip of files in order: name, text, name, text …
func archive(t *testing.T, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		w, err := z.Create(files[i])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, files[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// wants checks an error's exit code and message.
func wants(t *testing.T, err error, code fault.Code, words string) {
	t.Helper()
	if fault.CodeOf(err) != code || !strings.Contains(err.Error(), words) {
		t.Errorf("code %d: %v\nwant code %d: %s", fault.CodeOf(err), err, code, words)
	}
}

// empty reports whether a cache contains nothing.
func (r *Registries) empty() bool {
	found := false
	filepath.WalkDir(r.opt.Cache, func(_ string, d fs.DirEntry, err error) error {
		found = found || err == nil && d.Type().IsRegular()
		return nil
	})
	return !found
}

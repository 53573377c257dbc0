package solve

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/nixpacks-cue/nixpacks/engine/buildkitd"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// hostileRegistry has one manifest, under every name.
type hostileRegistry struct {
	addr     string // HOST:PORT
	manifest ocispecs.Descriptor
	blobs    map[digest.Digest][]byte // manifests too
	endless  string                   // responses whose path ends with this never end
	sent     atomic.Int64             // bytes of them
}

func newHostileRegistry(t *testing.T) *hostileRegistry {
	r := &hostileRegistry{blobs: map[digest.Digest][]byte{}}
	s := httptest.NewServer(r)
	t.Cleanup(s.Close)
	r.addr = strings.TrimPrefix(s.URL, "http://")
	return r
}

// put adds a blob.
func (r *hostileRegistry) put(mediaType string, v any) ocispecs.Descriptor {
	raw, ok := v.([]byte)
	if !ok {
		raw, _ = json.Marshal(v)
	}
	d := digest.FromBytes(raw)
	r.blobs[d] = raw
	return ocispecs.Descriptor{MediaType: mediaType, Digest: d, Size: int64(len(raw))}
}

// image adds the manifest of an image with one layer.
func (r *hostileRegistry) image(config any) ocispecs.Manifest {
	m := ocispecs.Manifest{MediaType: ocispecs.MediaTypeImageManifest, Config: r.put(ocispecs.MediaTypeImageConfig, config),
		Layers: []ocispecs.Descriptor{r.put(ocispecs.MediaTypeImageLayer, []byte("layer"))}}
	r.manifest = r.put(m.MediaType, m)
	return m
}

var plainConfig = ocispecs.Image{Platform: ocispecs.Platform{OS: "linux", Architecture: runtime.GOARCH},
	RootFS: ocispecs.RootFS{Type: "layers", DiffIDs: []digest.Digest{digest.FromString("layer")}}}

// enough is how much an endless response sends at most, so that a client that reads all of it does not fill the disk.
const enough = 256 << 20

// ServeHTTP responds.
func (r *hostileRegistry) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	d := digest.Digest(path.Base(req.URL.Path))
	raw, ok := r.blobs[d]
	if !ok && strings.Contains(req.URL.Path, "/manifests/") {
		d, raw = r.manifest.Digest, r.blobs[r.manifest.Digest]
	}
	if strings.Contains(req.URL.Path, "/manifests/") {
		var m struct{ MediaType string }
		_ = json.Unmarshal(raw, &m)
		w.Header().Set("Content-Type", m.MediaType)
	}
	if r.endless != "" && strings.HasSuffix(req.URL.Path, r.endless) {
		for _, _ = w.Write(raw); req.Method == http.MethodGet && r.sent.Load() < enough; {
			n, err := w.Write(make([]byte, 1<<16))
			if r.sent.Add(int64(n)); err != nil {
				return
			}
		}
		return
	}
	w.Header().Set("Docker-Content-Digest", d.String())
	_, _ = w.Write(raw)
}

// ownEngine returns an engine with the given state. It has nothing in its cache.
func ownEngine(t *testing.T, state string) *Engine {
	t.Helper()
	e, err := Connect(t.Context(), Target{Embedded: buildkitd.Options{State: state, Patience: 10 * time.Second}})
	needEngine(t, err)
	t.Cleanup(func() { _ = e.Close() })
	return e
}

// A registry that sends more than it states, or that never stops sending, does not fill the disk, and the build ends.
func TestEndless(t *testing.T) {
	for name, want := range map[string]struct {
		code fault.Code
		text string
	}{
		"config":   {fault.TryAgain, "more was sent than the stated "},
		"layer":    {fault.BuildFailed, "more was sent than the stated 5 bytes"},
		"manifest": {fault.TryAgain, "a manifest of more than 4 MB"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newHostileRegistry(t)
			m := r.image(plainConfig)
			r.endless = map[string]string{"config": m.Config.Digest.String(), "layer": m.Layers[0].Digest.String(), "manifest": "/manifests/1"}[name]
			state := t.TempDir()
			req := layoutOf(t, appDir(t), appPlan(t, "x", "echo"))
			req.Lower.Plan.BuildImage = r.addr + "/base:1"
			_, err := ownEngine(t, state).Build(t.Context(), req)
			wantFault(t, err, want.code, want.text)
			if r.sent.Load() >= enough {
				t.Error("everything was read")
			}
			ingests, err := filepath.Glob(filepath.Join(state, "*/runc-overlayfs/content/ingest/*"))
			if err != nil || len(ingests) > 0 {
				t.Errorf("left behind: %v, %v", ingests, err)
			}
			if _, err := os.Stat(req.Outputs[0].Dest); err == nil {
				t.Error("the layout was written")
			}
		})
	}
}

package solve

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
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
	addr       string // HOST:PORT
	manifest   ocispecs.Descriptor
	blobs      map[digest.Digest][]byte // manifests too
	endless    string                   // responses whose path ends with this never end
	sent       atomic.Int64             // bytes of them
	pace       time.Duration            // between 64 KB of them
	asked      atomic.Int64             // requests
	everything digest.Digest            // blob to send for all digests
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
	r.asked.Add(1)
	d := digest.Digest(path.Base(req.URL.Path))
	raw, ok := r.blobs[d]
	if !ok && r.everything != "" && r.asked.Load() < 1000 {
		if raw = r.blobs[r.everything]; d.Validate() != nil {
			d = r.everything
		}
	} else if !ok && strings.Contains(req.URL.Path, "/manifests/") {
		d, raw = r.manifest.Digest, r.blobs[r.manifest.Digest]
	}
	if strings.Contains(req.URL.Path, "/manifests/") {
		var m struct{ MediaType string }
		_ = json.Unmarshal(raw, &m)
		w.Header().Set("Content-Type", m.MediaType)
	}
	if r.endless != "" && strings.HasSuffix(req.URL.Path, r.endless) {
		for _, _ = w.Write(raw); req.Method == http.MethodGet && r.sent.Load() < enough; {
			time.Sleep(r.pace)
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
	for name, want := range map[string]string{
		"config":   "more was sent than the stated ",
		"layer":    "more was sent than the stated 5 bytes",
		"manifest": "a manifest of more than 4 MB",
	} {
		t.Run(name, func(t *testing.T) {
			r := newHostileRegistry(t)
			m := r.image(plainConfig)
			r.endless = map[string]string{"config": m.Config.Digest.String(), "layer": m.Layers[0].Digest.String(), "manifest": "/manifests/1"}[name]
			state := t.TempDir()
			req := layoutOf(t, appDir(t), appPlan(t, "x", "echo"))
			req.Lower.Plan.BuildImage = r.addr + "/base:1"
			_, err := ownEngine(t, state).Build(t.Context(), req)
			wantFault(t, err, fault.Refused, want)
			if r.sent.Load() >= enough {
				t.Error("everything was read")
			}
			noIngests(t, state)
			if _, err := os.Stat(req.Outputs[0].Dest); err == nil {
				t.Error("the layout was written")
			}
		})
	}
}

// noIngests fails if the state has incomplete blobs.
func noIngests(t *testing.T, state string) {
	t.Helper()
	ingests, err := filepath.Glob(filepath.Join(state, "*/runc-overlayfs/content/ingest/*"))
	if err != nil || len(ingests) > 0 {
		t.Errorf("left behind: %v, %v", ingests, err)
	}
}

// An interrupt ends the transfer of a large layer, and removes what has come, and the extraction of a small layer that
// is large inside.
func TestLargeLayerInterrupted(t *testing.T) {
	for name, word := range map[string]string{"transfer": "MB / 1.07GB", "extraction": " extracting sha256:"} {
		t.Run(name, func(t *testing.T) {
			r := newHostileRegistry(t)
			m := r.image(plainConfig)
			if name == "extraction" {
				m.Layers[0] = r.put(ocispecs.MediaTypeImageLayerZstd, zeros(64<<30))
			} else {
				m.Layers[0].Size, r.endless = 1<<30, m.Layers[0].Digest.String()
				r.pace = 5 * time.Millisecond
			}
			r.manifest = r.put(m.MediaType, m)
			ctx, interrupt := context.WithCancel(t.Context())
			defer interrupt()
			state := t.TempDir()
			req := layoutOf(t, appDir(t), appPlan(t, "x", "echo"))
			req.Lower.Plan.BuildImage = r.addr + "/base:1"
			req.Progress.Out = &watcher{word: word, seen: interrupt}
			e := ownEngine(t, state)
			guard := time.AfterFunc(time.Minute, interrupt)
			_, err := e.Build(ctx, req)
			if !guard.Stop() {
				t.Errorf("it never said %q", word)
			}
			wantFault(t, err, fault.Interrupted, "interrupted")
			began := time.Now()
			if err := e.Close(); err != nil {
				t.Error(err)
			}
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("the engine took %v to end", took)
			}
			noIngests(t, state)
		})
	}
}

// watcher calls seen when the word is written.
type watcher struct {
	word string
	seen func()
	all  bytes.Buffer
}

func (w *watcher) Write(p []byte) (int, error) {
	if w.all.Write(p); strings.Contains(w.all.String(), w.word) {
		w.seen()
	}
	return len(p), nil
}

// zeros returns that many zeros in zstd's format: in blocks of 128 KB, of which each takes four bytes. As a tar they are
// its end.
func zeros(n int) []byte {
	const size, run, last = 128 << 10, 1 << 1, 1
	out := []byte{0x28, 0xb5, 0x2f, 0xfd, 0, 13 << 3} // a frame with a window of 8 MB
	for ; n > 0; n -= size {
		out = append(out, size<<3&0xff|run, size<<3>>8&0xff, size<<3>>16, 0)
	}
	return append(out, last, 0, 0)
}

// A cache whose description is wrong is not used, and the build goes on.
func TestHostileCache(t *testing.T) {
	const cacheType = "application/vnd.buildkit.cacheconfig.v0"
	index := func(r *hostileRegistry, m ocispecs.Descriptor, size int64) {
		m.Size = size
		r.manifest = r.put(ocispecs.MediaTypeImageIndex, ocispecs.Index{MediaType: ocispecs.MediaTypeImageIndex, Manifests: []ocispecs.Descriptor{m}})
	}
	for name, stock := range map[string]func(r *hostileRegistry){
		"negative config": func(r *hostileRegistry) { index(r, r.put(cacheType, []byte("{}")), -1) },
		"least config":    func(r *hostileRegistry) { index(r, r.put(cacheType, []byte("{}")), math.MinInt64) },
		"negative image":  func(r *hostileRegistry) { r.image(plainConfig); index(r, r.manifest, -1) },
		"immense image":   func(r *hostileRegistry) { r.image(plainConfig); index(r, r.manifest, 1<<46) },
		"negative in one": func(r *hostileRegistry) { inlineCache(r, -1) },
		"immense in one":  func(r *hostileRegistry) { inlineCache(r, 1<<46) },
		"index in itself": func(r *hostileRegistry) { r.everything = indexInItself(r) },
	} {
		t.Run(name, func(t *testing.T) {
			r := newHostileRegistry(t)
			stock(r)
			req := layoutOf(t, appDir(t, "main.txt:"+name), appPlan(t, "x", "echo"))
			req.CacheFrom = []Cache{{CacheRegistry, map[string]string{"ref": r.addr + "/cache:1"}}}
			build(t, ownEngine(t, t.TempDir()), req)
			if n := r.asked.Load(); n == 0 || n > 50 {
				t.Errorf("the registry was asked %d times", n)
			}
		})
	}
}

// inlineCache makes the manifest one of an image with a cache in it, whose configuration has the stated size.
func inlineCache(r *hostileRegistry, size int64) {
	m := r.image(map[string]any{"architecture": runtime.GOARCH, "os": "linux", "moby.buildkit.cache.v0": "e30="})
	m.Config.Size = size
	r.manifest = r.put(m.MediaType, m)
}

// indexInItself returns the digest of an index that the registry sends for the digest of its only entry too.
func indexInItself(r *hostileRegistry) digest.Digest {
	m := ocispecs.Descriptor{MediaType: ocispecs.MediaTypeImageIndex, Digest: digest.FromString("itself")}
	index := ocispecs.Index{MediaType: ocispecs.MediaTypeImageIndex, Manifests: []ocispecs.Descriptor{m}}
	index.Manifests[0].Size = r.put(m.MediaType, index).Size + 2 // "size":0 has one digit
	r.manifest = r.put(m.MediaType, index)
	return r.manifest.Digest
}

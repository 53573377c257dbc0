//go:build linux

package buildkitd

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/containerd/containerd/v2/core/content"
	contentlocal "github.com/containerd/containerd/v2/plugins/content/local"
	"github.com/moby/buildkit/util/compression"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// A layer is rewritten once per timestamp and compression, and not read again after that.
func TestLayerTimes(t *testing.T) {
	store := &countingStore{Store: labeledStore(t)}
	desc := layerBlob(t, store)
	at := func(epoch int64, comp compression.Config) ocispecs.Descriptor {
		t.Helper()
		when := time.Unix(epoch, 0)
		out, err := timedExport{store: store}.layer(t.Context(), store, desc, comp, &when)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	zstd := compression.New(compression.Zstd)
	first := at(0, zstd)
	reads := store.reads
	again := at(0, zstd)
	if first.Digest == desc.Digest || again.Digest != first.Digest || !maps.Equal(again.Annotations, first.Annotations) ||
		again.Size != first.Size || again.MediaType != first.MediaType {
		t.Errorf("rewritten %+v, then %+v", first, again)
	}
	if store.reads != reads {
		t.Errorf("the layer was read again: %d times", store.reads-reads)
	}
	if other := at(1, zstd); other.Digest == first.Digest {
		t.Error("another time gives the same layer")
	}
	if other := at(1, compression.New(compression.Gzip)); !strings.Contains(other.MediaType, "gzip") {
		t.Errorf("asked for gzip, got %+v", other)
	}
}

// layerBlob stores a layer with one file from this year.
func layerBlob(t *testing.T, store content.Store) ocispecs.Descriptor {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	err := errors.Join(w.WriteHeader(&tar.Header{Name: "f", Size: 1, ModTime: time.Unix(1.7e9, 0), Mode: 0o644}), second(w.Write([]byte("x"))), w.Close())
	desc := ocispecs.Descriptor{MediaType: ocispecs.MediaTypeImageLayer, Digest: digest.FromBytes(b.Bytes()), Size: int64(b.Len())}
	err = errors.Join(err, content.WriteBlob(t.Context(), store, "layer", &b, desc))
	if err != nil {
		t.Fatal(err)
	}
	return desc
}

func second(_ int, err error) error { return err }

func labeledStore(t *testing.T) content.Store {
	t.Helper()
	s, err := contentlocal.NewLabeledStore(t.TempDir(), &labelMap{all: map[digest.Digest]map[string]string{}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// labelMap keeps labels in memory.
type labelMap struct {
	mu  sync.Mutex
	all map[digest.Digest]map[string]string
}

func (m *labelMap) Get(d digest.Digest) (map[string]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.all[d]), nil
}

func (m *labelMap) Set(d digest.Digest, l map[string]string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.all[d] = maps.Clone(l)
	return nil
}

func (m *labelMap) Update(d digest.Digest, l map[string]string) (map[string]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.all[d] == nil {
		m.all[d] = map[string]string{}
	}
	maps.Copy(m.all[d], l)
	return maps.Clone(m.all[d]), nil
}

type countingStore struct {
	content.Store
	reads int
}

func (s *countingStore) ReaderAt(ctx context.Context, desc ocispecs.Descriptor) (content.ReaderAt, error) {
	s.reads++
	return s.Store.ReaderAt(ctx, desc)
}

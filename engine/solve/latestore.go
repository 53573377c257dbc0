package solve

import (
	"context"
	"sync"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/opencontainers/go-digest"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// closable is a content store that can be closed. A builder may still send blobs after its build was aborted. Without
// close, the store would then recreate a directory that has been removed, and a writer that is closed late would write a
// timestamp into its directory, which can prevent the removal of that directory.
type closable struct {
	content.Store
	mu   sync.Mutex
	shut bool
	open map[*closableWriter]bool
}

var errShut = fault.New(fault.Interrupted, "the build was canceled")

// close waits for writes in progress, closes all writers and rejects later calls.
func (g *closable) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = true
	for w := range g.open {
		_ = w.end()
	}
}

// Writer implements content.Ingester.
func (g *closable) Writer(ctx context.Context, opts ...content.WriterOpt) (content.Writer, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut {
		return nil, errShut
	}
	inner, err := g.Store.Writer(ctx, opts...)
	if err != nil {
		return nil, err
	}
	w := &closableWriter{Writer: inner, store: g}
	if g.open == nil {
		g.open = map[*closableWriter]bool{}
	}
	g.open[w] = true
	return w, nil
}

// closableWriter does nothing after it has been ended by its user or by the store.
type closableWriter struct {
	content.Writer
	store *closable
	mu    sync.Mutex // locked after the store's mutex if both are held
	ended bool
}

// end closes the writer once.
func (w *closableWriter) end() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		return nil
	}
	w.ended = true
	return w.Writer.Close()
}

// Write implements io.Writer.
func (w *closableWriter) Write(p []byte) (n int, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		return 0, errShut
	}
	return w.Writer.Write(p)
}

// Commit implements content.Writer.
func (w *closableWriter) Commit(ctx context.Context, size int64, expected digest.Digest, opts ...content.Opt) error {
	defer w.forget()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		return errShut
	}
	w.ended = true // whether it succeeds or not
	return w.Writer.Commit(ctx, size, expected, opts...)
}

// Close implements io.Closer.
func (w *closableWriter) Close() error {
	defer w.forget()
	return w.end()
}

// forget removes an ended writer from the store.
func (w *closableWriter) forget() {
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	delete(w.store.open, w)
}

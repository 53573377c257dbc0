package solve

import (
	"context"
	"sync"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/opencontainers/go-digest"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// closable is a store that can be shut: a builder whose build was given up may still send blobs. A store makes its
// directory anew for them after whoever gave up has removed it, and a writer that is closed late notes in its own
// directory when that was, which keeps a directory that is being removed from becoming empty.
type closable struct {
	content.Store
	mu   sync.Mutex
	shut bool
	open map[*closableWriter]bool
}

var errShut = fault.New(fault.Interrupted, "the build was given up")

// close waits for what is being written, ends every writer and lets nothing more through.
func (g *closable) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = true
	for w := range g.open {
		_ = w.end()
	}
}

// Writer is that of content.Ingester.
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

// closableWriter does nothing any more once it was ended, by its user or by the store.
type closableWriter struct {
	content.Writer
	store *closable
	mu    sync.Mutex // taken after the store's where both are held
	ended bool
}

// end closes the writer, the first time.
func (w *closableWriter) end() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		return nil
	}
	w.ended = true
	return w.Writer.Close()
}

// Write is that of io.Writer.
func (w *closableWriter) Write(p []byte) (n int, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		return 0, errShut
	}
	return w.Writer.Write(p)
}

// Commit is that of content.Writer.
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

// Close is that of io.Closer.
func (w *closableWriter) Close() error {
	defer w.forget()
	return w.end()
}

// forget is for a writer that has ended.
func (w *closableWriter) forget() {
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	delete(w.store.open, w)
}

package solve

import (
	"context"
	"sync"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/opencontainers/go-digest"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// closable is a store that can be shut: a builder whose build was given up may still send blobs, and a store makes its
// directory anew for them, after whoever gave up has removed it.
type closable struct {
	content.Store
	mu   sync.RWMutex
	shut bool
}

var errShut = fault.New(fault.Interrupted, "the build was given up")

// close waits for what is being written and lets nothing more through.
func (g *closable) close() {
	g.mu.Lock()
	g.shut = true
	g.mu.Unlock()
}

// through does what may make files, unless it is shut.
func (g *closable) through(do func() error) error {
	g.mu.RLock()
	defer g.mu.RUnlock()
	if g.shut {
		return errShut
	}
	return do()
}

// Writer is that of content.Ingester.
func (g *closable) Writer(ctx context.Context, opts ...content.WriterOpt) (w content.Writer, err error) {
	err = g.through(func() error {
		inner, err := g.Store.Writer(ctx, opts...)
		w = &closableWriter{inner, g}
		return err
	})
	if err != nil {
		return nil, err
	}
	return w, nil
}

type closableWriter struct {
	content.Writer
	store *closable
}

// Commit is that of content.Writer.
func (w *closableWriter) Commit(ctx context.Context, size int64, expected digest.Digest, opts ...content.Opt) error {
	return w.store.through(func() error { return w.Writer.Commit(ctx, size, expected, opts...) })
}

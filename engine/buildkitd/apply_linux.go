package buildkitd

import (
	"context"
	"io"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/diff"
	"github.com/containerd/containerd/v2/core/diff/apply"
	"github.com/containerd/containerd/v2/core/mount"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// applier extracts layers until its context ends. containerd looks at the context only between files: it decompresses the
// rest of a layer after its last file, and the files that it skips, to their end, which can be hundreds of gigabytes.
type applier struct{ content.Provider }

// Apply extracts a layer.
func (a applier) Apply(ctx context.Context, desc ocispecs.Descriptor, mounts []mount.Mount, opts ...diff.ApplyOpt) (ocispecs.Descriptor, error) {
	return apply.NewFileSystemApplier(interruptible{a.Provider, ctx}).Apply(ctx, desc, mounts, opts...)
}

// interruptible reads blobs until ctx ends.
type interruptible struct {
	content.Provider
	ctx context.Context
}

// ReaderAt opens a blob.
func (i interruptible) ReaderAt(ctx context.Context, desc ocispecs.Descriptor) (content.ReaderAt, error) {
	r, err := i.Provider.ReaderAt(ctx, desc)
	if err != nil {
		return nil, err
	}
	return interruptibleBlob{r, i.ctx}, nil
}

type interruptibleBlob struct {
	content.ReaderAt
	ctx context.Context
}

// Reader is what containerd reads a layer through.
func (b interruptibleBlob) Reader() io.Reader {
	return interruptibleReader{content.NewReader(b.ReaderAt), b.ctx}
}

type interruptibleReader struct {
	io.Reader
	ctx context.Context
}

// mostRead limits what is read between two looks at the context. zstd makes at most half a gigabyte of it, in about a
// second.
const mostRead = 16 << 10

// Read implements io.Reader.
func (r interruptibleReader) Read(p []byte) (int, error) {
	if err := context.Cause(r.ctx); err != nil {
		return 0, err
	}
	return r.Reader.Read(p[:min(len(p), mostRead)])
}

package buildkitd

import (
	"context"
	"errors"
	"fmt"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// boundedStore refuses more bytes than a descriptor states. containerd compares the sizes only when a blob is complete, so
// a registry that never stops sending would fill the disk.
type boundedStore struct{ content.Store }

// Writer returns a writer for a blob.
func (s boundedStore) Writer(ctx context.Context, opts ...content.WriterOpt) (content.Writer, error) {
	var o content.WriterOpts
	for _, opt := range opts {
		if err := opt(&o); err != nil {
			return nil, err
		}
	}
	if err := checkSize(o.Desc); err != nil {
		return nil, err
	}
	w, err := s.Store.Writer(ctx, opts...)
	if err != nil || o.Desc.Size == 0 { // blobs that are made here have no size yet
		return w, err
	}
	status, err := w.Status()
	if err != nil {
		_ = w.Close()
		return nil, err
	}
	return &boundedWriter{Writer: w, ctx: ctx, store: s.Store, ref: o.Ref, desc: o.Desc, left: o.Desc.Size - status.Offset}, nil
}

// checkSize rejects a size that no blob has. BuildKit and containerd would take it for a length.
func checkSize(d ocispecs.Descriptor) error {
	if d.Size < 0 {
		return errdefs.ErrInvalidArgument.WithMessage(fmt.Sprintf("%s has a stated size of %d bytes", d.Digest, d.Size))
	}
	return nil
}

// boundedWriter writes a blob of known size.
type boundedWriter struct {
	content.Writer
	ctx   context.Context // of the transfer
	store content.IngestManager
	ref   string
	desc  ocispecs.Descriptor
	left  int64
	wrong bool // these bytes cannot become the blob
}

// Write writes the next bytes.
func (w *boundedWriter) Write(p []byte) (int, error) {
	if int64(len(p)) > w.left {
		w.wrong = true
		return 0, errdefs.ErrFailedPrecondition.WithMessage(fmt.Sprintf("more was sent than the stated %d bytes of %s", w.desc.Size, w.desc.Digest))
	}
	n, err := w.Writer.Write(p)
	w.left -= int64(n)
	return n, err
}

// Truncate removes the bytes after size.
func (w *boundedWriter) Truncate(size int64) error {
	err := w.Writer.Truncate(size)
	if err == nil {
		w.left = w.desc.Size - size
	}
	return err
}

// Commit completes the blob.
func (w *boundedWriter) Commit(ctx context.Context, size int64, expected digest.Digest, opts ...content.Opt) error {
	err := w.Writer.Commit(ctx, size, expected, opts...)
	w.wrong = w.wrong || errdefs.IsFailedPrecondition(err)
	return err
}

// Close removes an incomplete blob if its bytes are wrong. Otherwise they stay until the build ends, and after a broken
// connection the next attempt continues with them.
func (w *boundedWriter) Close() error {
	err := w.Writer.Close()
	if !w.wrong {
		return err
	}
	e := w.store.Abort(context.WithoutCancel(w.ctx), w.ref)
	if errdefs.IsNotFound(e) {
		e = nil
	}
	return errors.Join(err, e)
}

package image

import (
	"context"
	"io"
	"maps"
	"slices"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// Store returns the image's blobs as a read-only content store for BuildKit.
func (i *Image) Store() content.Store { return &store{i.blobs} }

type store struct{ blobs map[digest.Digest]blob }

func (s *store) Info(_ context.Context, d digest.Digest) (content.Info, error) {
	b, ok := s.blobs[d]
	if !ok {
		return content.Info{}, errdefs.ErrNotFound.WithMessage("the image has no blob " + d.String())
	}
	return content.Info{Digest: d, Size: b.size}, nil
}

func (s *store) ReaderAt(ctx context.Context, desc ocispecs.Descriptor) (content.ReaderAt, error) {
	if _, err := s.Info(ctx, desc.Digest); err != nil {
		return nil, err
	}
	b := s.blobs[desc.Digest]
	return readerAt{io.NewSectionReader(b, 0, b.size)}, nil
}

// readerAt does not close the blob: the image does.
type readerAt struct{ *io.SectionReader }

func (readerAt) Close() error { return nil }

func (s *store) Walk(ctx context.Context, fn content.WalkFunc, _ ...string) error {
	for _, d := range slices.Sorted(maps.Keys(s.blobs)) {
		info, err := s.Info(ctx, d)
		if err != nil {
			return err
		}
		if err := fn(info); err != nil {
			return err
		}
	}
	return nil
}

func (s *store) Update(context.Context, content.Info, ...string) (content.Info, error) {
	return content.Info{}, errReadOnly
}

func (s *store) Delete(context.Context, digest.Digest) error { return errReadOnly }

func (s *store) Status(context.Context, string) (content.Status, error) {
	return content.Status{}, errdefs.ErrNotFound
}

func (s *store) ListStatuses(context.Context, ...string) ([]content.Status, error) { return nil, nil }

func (s *store) Abort(context.Context, string) error { return errReadOnly }

func (s *store) Writer(context.Context, ...content.WriterOpt) (content.Writer, error) {
	return nil, errReadOnly
}

var errReadOnly = errdefs.ErrPermissionDenied.WithMessage("the image is open for reading only")

package image

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"strings"

	layertar "github.com/containerd/containerd/v2/pkg/archive"
)

// unpacking writes the files of a tar below a directory while it receives the tar.
type unpacking struct {
	*io.PipeWriter
	done chan struct{}
	err  error // valid once done is closed
}

var errAborted = errors.New("unpacking was canceled")

func unpack(dir string) *unpacking {
	r, w := io.Pipe()
	u := &unpacking{w, make(chan struct{}), nil}
	go func() {
		defer close(u.done)
		u.err = Unpack(context.Background(), dir, r)
		if u.err == nil {
			_, u.err = io.Copy(io.Discard, r) // zeros after the end
		}
		r.CloseWithError(u.err)
	}()
	return u
}

// Unpack writes the files of a tar below a directory. No link or path in the tar leads out of it. The files belong to
// the caller, whatever owner the tar names. Devices are skipped: they would be this machine's.
func Unpack(ctx context.Context, dir string, r io.Reader) error {
	_, err := layertar.Apply(ctx, dir, r, layertar.WithNoSameOwner(), layertar.WithFilter(wanted), layertar.WithConvertWhiteout(keep))
	return err
}

// Close ends the tar and waits until all files are written.
func (u *unpacking) Close() error {
	u.PipeWriter.Close()
	<-u.done
	return u.err
}

// stop aborts the unpacking.
func (u *unpacking) stop() {
	u.CloseWithError(errAborted)
	<-u.done
}

const attribute = "SCHILY.xattr."

// wanted skips devices, and removes extended attributes that only root may set.
func wanted(h *tar.Header) (bool, error) {
	if h.Typeflag == tar.TypeBlock || h.Typeflag == tar.TypeChar {
		return false, nil
	}
	if os.Geteuid() != 0 {
		maps.DeleteFunc(h.PAXRecords, func(k, _ string) bool {
			return strings.HasPrefix(k, attribute) && !strings.HasPrefix(k, attribute+"user.")
		})
	}
	return true, nil
}

// keep treats every name as a plain file: in a layer some names stand for removed files.
func keep(*tar.Header, string) (bool, error) { return true, nil }

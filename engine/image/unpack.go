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

// unpacking writes the files of a tar below a directory while the tar comes in.
type unpacking struct {
	*io.PipeWriter
	done chan struct{}
	err  error // once done
}

var errAborted = errors.New("the files are not wanted any more")

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

// Unpack writes the files of a tar below a directory, which no link or path in the tar leads out of. They are the
// caller's own, whoever owned them. Devices are left out: they would be this machine's.
func Unpack(ctx context.Context, dir string, r io.Reader) error {
	_, err := layertar.Apply(ctx, dir, r, layertar.WithNoSameOwner(), layertar.WithFilter(wanted), layertar.WithConvertWhiteout(keep))
	return err
}

// Close ends the tar.
func (u *unpacking) Close() error {
	u.PipeWriter.Close()
	<-u.done
	return u.err
}

// stop ends the work wherever it is.
func (u *unpacking) stop() {
	u.CloseWithError(errAborted)
	<-u.done
}

const attribute = "SCHILY.xattr."

// wanted leaves out devices, and extended attributes that only root may give.
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

// keep takes a file for a file, whatever its name: those of a layer may stand for removed ones.
func keep(*tar.Header, string) (bool, error) { return true, nil }

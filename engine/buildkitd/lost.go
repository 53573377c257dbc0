package buildkitd

import (
	"errors"
	"io"
	"net"
	"syscall"

	"github.com/moby/buildkit/util/grpcerrors"
	"google.golang.org/grpc/codes"
)

// Lost says whether a call failed since the engine at the other end went away: the process that a client had
// joined was killed. The client is of no use any more; Connect gives a new one, and the same build goes on from
// what is in the cache.
func Lost(err error) bool {
	if err == nil {
		return false
	}
	return grpcerrors.Code(err) == codes.Unavailable || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

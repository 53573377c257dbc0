package stall

import (
	"fmt"
	"io"
	"net/http"
)

// LargeError reports a response with more bytes than are expected of it.
type LargeError struct {
	Host string
	Most int64
}

// Error returns the message.
func (e LargeError) Error() string {
	return fmt.Sprintf("the response of %s has more than %d MB", e.Host, e.Most>>20)
}

// Limit wraps next with a limit on the size of each response's body: reading more than most bytes fails with a LargeError.
// It is for clients that decode a response of any size in memory.
func Limit(next http.RoundTripper, most int64) http.RoundTripper { return limit{next, most} }

type limit struct {
	next http.RoundTripper
	most int64
}

// RoundTrip sends a request and waits for the response header.
func (l limit) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := l.next.RoundTrip(req)
	if err == nil {
		resp.Body = LimitBody(resp.Body, l.most, LargeError{req.URL.Host, l.most})
	}
	return resp, err
}

// LimitBody wraps the body of a response: reading more than most bytes of it fails with large.
func LimitBody(body io.ReadCloser, most int64, large error) io.ReadCloser {
	return &limitedBody{body, most, large}
}

type limitedBody struct {
	io.ReadCloser
	left  int64
	large error
}

// Read reads one byte more than is allowed, to tell a response of just that size from a larger one.
func (b *limitedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left+1)])
	if b.left -= int64(n); b.left < 0 {
		return 0, b.large
	}
	return n, err
}

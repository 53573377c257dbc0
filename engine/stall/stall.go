// Package stall aborts HTTP transfers that would not end: those that make no progress, and those that are much larger than
// expected. Otherwise, a server could block until the user interrupts, or use up the memory.
package stall

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// Error reports that a server neither sent nor accepted any data for a while.
type Error struct {
	Host  string
	After time.Duration
}

// Error returns the message.
func (e Error) Error() string { return fmt.Sprintf("nothing came from %s for %v", e.Host, e.After) }

// Transport wraps next with a stall timeout: if the server neither sends nor accepts data for the duration after, the
// transfer ends with an Error. Time during which the caller does not read the response, or has no more data to send, does
// not count.
func Transport(next http.RoundTripper, after time.Duration) http.RoundTripper {
	return transport{next, after}
}

type transport struct {
	next  http.RoundTripper
	after time.Duration
}

// RoundTrip sends a request and waits for the response header.
func (t transport) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(req.Context())
	w := &watch{ctx: ctx, cancel: cancel, after: t.after}
	w.timer = time.AfterFunc(t.after, func() { cancel(Error{req.URL.Host, t.after}) })
	resp, err := t.next.RoundTrip(w.request(req))
	w.end()
	if err != nil {
		err = w.reason(err)
		cancel(nil)
		return nil, err
	}
	resp.Body = &responseBody{resp.Body, w}
	return resp, nil
}

// watch is the stall timer of one transfer. It runs while the transfer waits for the server.
type watch struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	after  time.Duration
	timer  *time.Timer

	mu       sync.Mutex // guards the timer until there is a response
	answered bool       // uploads are no longer watched then
}

// run starts the timer, or stops it while there is nothing to send. It has no effect once there is a response.
func (w *watch) run(starts bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.answered:
	case starts:
		w.timer.Reset(w.after)
	default:
		w.timer.Stop()
	}
}

// end stops the timer of a request that has been answered or has failed.
func (w *watch) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answered = true
	w.timer.Stop()
}

// request returns req with its context and body watched.
func (w *watch) request(req *http.Request) *http.Request {
	out := req.WithContext(w.ctx)
	if req.Body == nil || req.Body == http.NoBody {
		return out
	}
	out.Body = &requestBody{req.Body, w}
	if again := req.GetBody; again != nil {
		out.GetBody = func() (io.ReadCloser, error) {
			body, err := again()
			return &requestBody{body, w}, err
		}
	}
	return out
}

// reason returns the stall error if the timer expired, and err otherwise.
func (w *watch) reason(err error) error {
	var stalled Error
	if errors.As(context.Cause(w.ctx), &stalled) {
		return stalled
	}
	return err
}

// requestBody is a watched request body. The timer is stopped while the body has nothing to send.
type requestBody struct {
	io.ReadCloser
	w *watch
}

func (b *requestBody) Read(p []byte) (int, error) {
	b.w.run(false)
	defer b.w.run(true)
	return b.ReadCloser.Read(p)
}

// responseBody is a watched response body. The timer is stopped while nobody reads.
type responseBody struct {
	io.ReadCloser
	w *watch
}

func (b *responseBody) Read(p []byte) (int, error) {
	b.w.timer.Reset(b.w.after)
	n, err := b.ReadCloser.Read(p)
	b.w.timer.Stop()
	if err != nil && err != io.EOF {
		err = b.w.reason(err)
	}
	return n, err
}

func (b *responseBody) Close() error {
	b.w.timer.Stop()
	err := b.ReadCloser.Close()
	b.w.cancel(nil)
	return err
}

// Package stall breaks off HTTP transfers that do not move: a server that takes a connection and never answers would
// otherwise be waited for until somebody interrupts.
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

// Error says that a server brought and took nothing for so long.
type Error struct {
	Host  string
	After time.Duration
}

// Error is the message.
func (e Error) Error() string { return fmt.Sprintf("nothing came from %s for %v", e.Host, e.After) }

// Transport is next with an end to its patience: where the server brings and takes nothing for so long, the transfer ends with
// an Error. Time in which nobody here reads an answer, or has more to send, does not count.
func Transport(next http.RoundTripper, after time.Duration) http.RoundTripper {
	return transport{next, after}
}

type transport struct {
	next  http.RoundTripper
	after time.Duration
}

// RoundTrip sends a request and waits for the head of its answer.
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
	resp.Body = &answer{resp.Body, w}
	return resp, nil
}

// watch is the clock of one transfer; it runs while the server is waited for.
type watch struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	after  time.Duration
	timer  *time.Timer

	mu       sync.Mutex // of the clock before there is an answer
	answered bool       // what is still sent then is not waited for
}

// run starts the clock, or stops it where there is nothing to send, until there is an answer.
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

// end stops the clock of a request that is answered, or has failed.
func (w *watch) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answered = true
	w.timer.Stop()
}

// request is req under the clock.
func (w *watch) request(req *http.Request) *http.Request {
	out := req.WithContext(w.ctx)
	if req.Body == nil || req.Body == http.NoBody {
		return out
	}
	out.Body = &question{req.Body, w}
	if again := req.GetBody; again != nil {
		out.GetBody = func() (io.ReadCloser, error) {
			body, err := again()
			return &question{body, w}, err
		}
	}
	return out
}

// reason is the error of a transfer: a clock that ran out, or what went wrong.
func (w *watch) reason(err error) error {
	var stalled Error
	if errors.As(context.Cause(w.ctx), &stalled) {
		return stalled
	}
	return err
}

// question is what is sent. The clock stands while there is nothing to send.
type question struct {
	io.ReadCloser
	w *watch
}

func (q *question) Read(p []byte) (int, error) {
	q.w.run(false)
	defer q.w.run(true)
	return q.ReadCloser.Read(p)
}

// answer is what comes. The clock stands while nobody reads.
type answer struct {
	io.ReadCloser
	w *watch
}

func (a *answer) Read(p []byte) (int, error) {
	a.w.timer.Reset(a.w.after)
	n, err := a.ReadCloser.Read(p)
	a.w.timer.Stop()
	if err != nil && err != io.EOF {
		err = a.w.reason(err)
	}
	return n, err
}

func (a *answer) Close() error {
	a.w.timer.Stop()
	err := a.ReadCloser.Close()
	a.w.cancel(nil)
	return err
}

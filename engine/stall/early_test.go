package stall

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// early responds while the request body is still being read.
type early struct {
	read chan struct{} // closed when the body has been read
}

func (e early) RoundTrip(req *http.Request) (*http.Response, error) {
	go func() {
		defer close(e.read)
		_, _ = io.ReadAll(req.Body)
	}()
	synctest.Wait()
	return &http.Response{Request: req, Body: ofRequest{strings.NewReader("answer"), req}}, nil
}

// ofRequest can be read until its request ends.
type ofRequest struct {
	io.Reader
	req *http.Request
}

func (o ofRequest) Read(p []byte) (int, error) {
	if err := o.req.Context().Err(); err != nil {
		return 0, err
	}
	return o.Reader.Read(p)
}

func (ofRequest) Close() error { return nil }

// A server may respond before it has received the whole request body. A client that does not read the response at once
// must not get a stall error.
func TestAnswersEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		body, more := io.Pipe()
		next := early{make(chan struct{})}
		req, err := http.NewRequest(http.MethodPost, "http://registry.example.com/", body)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := Transport(next, patience).RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		more.Close()
		<-next.read
		time.Sleep(2 * patience) // in the bubble's time
		if got, err := io.ReadAll(resp.Body); string(got) != "answer" || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
	})
}

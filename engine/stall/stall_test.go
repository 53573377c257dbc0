package stall

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// patience is long for a server on loopback, and short for a test.
const patience = 300 * time.Millisecond

// serve starts a server whose handlers end with the test, and returns a client with a stall timeout.
func serve(t *testing.T, h func(w http.ResponseWriter, r *http.Request, over <-chan struct{})) (*http.Client, string) {
	over := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h(w, r, over) }))
	t.Cleanup(s.Close)
	t.Cleanup(func() { close(over) })
	return &http.Client{Transport: Transport(http.DefaultTransport, patience)}, s.URL
}

func wantStalled(t *testing.T, err error) {
	t.Helper()
	var stalled Error
	if !errors.As(err, &stalled) {
		t.Errorf("not told as stalled: %v", err)
	}
}

func TestNoAnswer(t *testing.T) {
	c, url := serve(t, func(_ http.ResponseWriter, _ *http.Request, over <-chan struct{}) { <-over })
	_, err := c.Get(url)
	wantStalled(t, err)
}

func TestHalfAnAnswer(t *testing.T) {
	c, url := serve(t, func(w http.ResponseWriter, _ *http.Request, over <-chan struct{}) {
		w.Write([]byte("half"))
		w.(http.Flusher).Flush()
		<-over
	})
	resp, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if string(got) != "half" {
		t.Errorf("got %q", got)
	}
	wantStalled(t, err)
}

// The server does not read the upload.
func TestNobodyReads(t *testing.T) {
	c, url := serve(t, func(_ http.ResponseWriter, _ *http.Request, over <-chan struct{}) { <-over })
	const more = 64 << 20 // than all buffers in between hold
	_, err := c.Post(url, "", io.LimitReader(zeros{}, more))
	wantStalled(t, err)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// slow takes longer than patience for each read.
type slow struct{ io.Reader }

func (s slow) Read(p []byte) (int, error) {
	time.Sleep(2 * patience)
	return s.Reader.Read(p)
}

// A client that reads slowly, or has nothing to send for a while, does not cause a stall error.
func TestSlowHere(t *testing.T) {
	c, url := serve(t, func(w http.ResponseWriter, r *http.Request, _ <-chan struct{}) { io.Copy(w, r.Body) })
	resp, err := c.Post(url, "", slow{iotest.OneByteReader(strings.NewReader("ab"))})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got, err := io.ReadAll(slow{resp.Body}); string(got) != "ab" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

package cli

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestAnnounce checks that the user is told about an app that ignores PORT, instead of waiting forever without a message.
func TestAnnounce(t *testing.T) {
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	h := &Host{Stderr: &said}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if h.announce(ctx, port, time.Millisecond) || !strings.Contains(said.String(), "\nno answer yet: ") {
		t.Errorf("an app that is silent: %s", said.String())
	}

	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.NotFoundHandler()}
	go server.Serve(l)
	defer server.Close()
	_, port, _ = net.SplitHostPort(l.Addr().String())
	said.Reset()
	if !h.announce(t.Context(), port, time.Minute) || strings.Contains(said.String(), "yet") {
		t.Errorf("an app that answers: %s", said.String())
	}
}

package stall

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestLimit(t *testing.T) {
	for size, large := range map[int]bool{0: false, 99: false, 100: false, 101: true, 1 << 20: true} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, strings.Repeat("x", size))
		}))
		resp, err := (&http.Client{Transport: Limit(http.DefaultTransport, 100)}).Get(s.URL)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		s.Close()
		if errors.As(err, new(LargeError)) != large || !large && (len(got) != size || err != nil) {
			t.Errorf("of %d bytes it reads %d: %v", size, len(got), err)
		}
	}
}

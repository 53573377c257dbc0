package solve

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/moby/buildkit/session/auth"

	"github.com/nixpacks-cue/nixpacks/engine/stall"
)

// A token server whose response does not end must not use up the memory.
func TestEndlessToken(t *testing.T) {
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for _, err := io.WriteString(w, `{"token":"`); err == nil; _, err = io.WriteString(w, strings.Repeat("x", 1<<16)) {
		}
	}))
	defer s.Close()
	answers, ok := newLogins().(logins)
	if !ok {
		t.Fatal("the auth provider of BuildKit is no server any more")
	}
	_, err := answers.FetchToken(t.Context(), &auth.FetchTokenRequest{Host: "registry.example.com", Realm: s.URL})
	if !errors.As(err, new(stall.LargeError)) {
		t.Errorf("it answers %v", err)
	}
}

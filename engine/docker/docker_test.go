package docker

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// fake is a docker engine that can load images. It takes an archive's text for the image's name.
type fake struct {
	images map[string]bool
	answer string // of a load, in JSON
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/") // without the API's version
	name, ok := strings.CutPrefix(strings.TrimSuffix(path, "/json"), "images/")
	w.Header().Set("Content-Type", "application/json")
	switch {
	case r.URL.Path == "/_ping":
		w.Header().Set("Api-Version", "1.44")
	case name == "load":
		if archive, _ := io.ReadAll(r.Body); !strings.Contains(f.answer, "error") && len(archive) > 0 {
			f.images[string(archive)] = true
		}
		_, _ = io.WriteString(w, f.answer)
	case ok && f.images[name]:
		_, _ = io.WriteString(w, `{"Id": "sha256:1"}`)
	default:
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `{"message": "there is no `+name+`"}`)
	}
}

const loaded = `{"stream": "Loaded image"}` + "\n"

func startFake(t *testing.T) (*fake, Engine) {
	t.Helper()
	f := &fake{images: map[string]bool{}, answer: loaded}
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	return f, Engine{Host: "tcp://" + strings.TrimPrefix(s.URL, "http://")}
}

func wantFault(t *testing.T, err error, code fault.Code, text string) {
	t.Helper()
	if err == nil || fault.CodeOf(err) != code || !strings.Contains(fault.All(err)[0].Msg, text) {
		t.Errorf("got %v, want code %d: %s", err, code, text)
	}
}

// An image is loaded once. An error in the engine's answer is reported, and so is an image that the engine does not have
// afterwards.
func TestEnsureImage(t *testing.T) {
	f, e := startFake(t)
	c, err := e.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	saved := 0
	save := func(text string) func(io.Writer) error {
		return func(w io.Writer) error {
			saved++
			_, err := io.WriteString(w, text)
			return err
		}
	}
	for range 2 {
		if err := c.EnsureImage(t.Context(), "base:1", save("base:1")); err != nil || saved != 1 || !f.images["base:1"] {
			t.Fatalf("saved %d times, %v: %v", saved, f.images, err)
		}
	}
	wantFault(t, c.EnsureImage(t.Context(), "base:2", save("")), fault.TryAgain, "did not load base:2: ")
	wantFault(t, c.EnsureImage(t.Context(), "base:2", func(io.Writer) error { return errors.New("no disk") }), fault.TryAgain, "cannot load base:2: ")
	f.answer = loaded + `{"errorDetail": {"message": "unexpected EOF"}, "error": "unexpected EOF"}` + "\n"
	wantFault(t, c.EnsureImage(t.Context(), "base:2", save("base:2")), fault.TryAgain, "the docker engine at "+e.Host+" cannot load base:2: unexpected EOF")
	f.answer = `{"stream": "cut`
	wantFault(t, c.EnsureImage(t.Context(), "base:2", save("base:2")), fault.TryAgain, "cannot load base:2: unexpected EOF")
}

// A loader sends its archive when it is committed, and at no other time.
func TestLoader(t *testing.T) {
	f, e := startFake(t)
	write := func() *Loader {
		t.Helper()
		l, err := NewLoader(t.Context(), e)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(l, bytes.NewBufferString("app:1")); err != nil {
			t.Fatal(err)
		}
		return l
	}
	write().Abort()
	if len(f.images) > 0 {
		t.Errorf("loaded %v", f.images)
	}
	if err := write().Commit(t.Context()); err != nil || !f.images["app:1"] {
		t.Errorf("loaded %v: %v", f.images, err)
	}
	f.answer = `{"error": "no space left on device"}`
	wantFault(t, write().Commit(t.Context()), fault.TryAgain, "the docker engine at "+e.Host+" cannot load the image: no space left on device")
	ctx, cancel := context.WithCancel(t.Context())
	l := write()
	cancel()
	wantFault(t, l.Commit(ctx), fault.Interrupted, "interrupted")
}

func TestOpenRefused(t *testing.T) {
	_, plain := startFake(t)
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(secure.Close)
	for text, c := range map[string]struct {
		engine Engine
		code   fault.Code
	}{
		`"ftp://x" is not the address of a docker engine`:         {Engine{Host: "ftp://x"}, fault.Usage},
		"none.sock does not answer: ":                             {Engine{Host: "unix://" + filepath.Join(t.TempDir(), "none.sock")}, fault.TryAgain},
		"HTTP request to an HTTPS server":                         {Engine{Host: "tcp://" + strings.TrimPrefix(secure.URL, "https://")}, fault.Usage},
		"the certificates for the docker engine at " + plain.Host: {Engine{Host: plain.Host, TLSVerify: true, CertPath: t.TempDir()}, fault.Usage},
	} {
		_, err := c.engine.Open(t.Context())
		wantFault(t, err, c.code, text)
	}
}

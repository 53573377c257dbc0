package modules

import (
	"encoding/base64"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/lock"
	"net/http/httptest"
	"slices"
)

// The same folder gives the same module, no matter who packs it and when.
func TestPackAgain(t *testing.T) {
	first := packed(t, "package lua\n")
	for range 3 {
		if again := packed(t, "package lua\n"); again.Digest != first.Digest {
			t.Fatalf("%s and %s", first.Digest, again.Digest)
		}
	}
	if other := packed(t, "package lua // other\n"); other.Digest == first.Digest {
		t.Error("other content has the same digest")
	}
}

// A pin keeps its content, even if the tag points to something else in the registry now.
func TestModuleMoved(t *testing.T) {
	r := newRegistry(t)
	pin := r.published(t)
	other := r.put(t, archive(t, moduleFile, moduleText, "lua.cue", "package other\n"), nil) // with the same tag
	c := r.client(t)
	m, err := c.Get(t.Context(), pin)
	if err != nil {
		t.Fatal(err)
	}
	text, err := fs.ReadFile(m.FS, "lua.cue")
	if err != nil || string(text) != "package lua\n" {
		t.Errorf("%s %v", text, err)
	}
	now, err := c.Find(t.Context(), "example.com/lua@v0.1.0")
	if err != nil || now.Digest != other.Digest {
		t.Errorf("%v %v", now, err)
	}
	if c.empty() || c.Missing(pin) {
		t.Error("it is not kept")
	}
}

// A registry, or a proxy in front of it, returns content that does not match the digest.
func TestModuleTampered(t *testing.T) {
	for _, part := range []string{"/manifests/", "/blobs/"} {
		t.Run(strings.Trim(part, "/"), func(t *testing.T) {
			r := newRegistry(t)
			pin := r.published(t)
			other := packed(t, "package evil\n")
			r.wrap = func(w http.ResponseWriter, req *http.Request, next http.Handler) {
				if !strings.Contains(req.URL.Path, part) {
					next.ServeHTTP(w, req)
					return
				}
				w.Header().Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
				w.Write(other.manifest)
			}
			c := r.client(t)
			_, err := c.Get(t.Context(), pin)
			wants(t, err, fault.Refused, "returned other content")
			if part == "/manifests/" && !c.empty() {
				t.Error("something of it is kept")
			}
			if m, err := c.Get(t.Context(), pin); err == nil {
				t.Errorf("it is used: %v", m.Files)
			}
		})
	}
}

// The effect of registries' responses on the command.
func TestModuleAnswers(t *testing.T) {
	for status, want := range map[int]struct {
		code  fault.Code
		words string
		asked int // number of requests
	}{
		401: {fault.Usage, "denied access, or it does not exist", 1},
		403: {fault.Usage, "denied access, or it does not exist", 1},
		404: {fault.Refused, "does not have it (example.com/lua)", 1},
		418: {fault.Refused, "returned: 418", 1},
		429: {fault.TryAgain, "failed (429 Too Many Requests", 3},
		500: {fault.TryAgain, "failed (500 Internal Server Error", 3},
		503: {fault.TryAgain, "failed (503 Service Unavailable", 3},
	} {
		r := newRegistry(t)
		pin := r.published(t)
		asked := 0
		r.wrap = func(w http.ResponseWriter, req *http.Request, next http.Handler) {
			if asked++; status == 404 && req.Method != http.MethodGet { // 404 only for reads
				status = 403
			}
			w.WriteHeader(status)
		}
		c := r.client(t)
		_, err := c.Get(t.Context(), pin)
		wants(t, err, want.code, "cannot fetch example.com/lua@v0.1.0: ")
		wants(t, err, want.code, want.words)
		if asked != want.asked {
			t.Errorf("%d: asked %d times, want %d", status, asked, want.asked)
		}
		_, err = c.Find(t.Context(), "example.com/lua@v0.1.0")
		wants(t, err, want.code, want.words)
		if status != 404 {
			_, err = c.Publish(t.Context(), packed(t, "package lua // next\n"))
			wants(t, err, want.code, "cannot publish example.com/lua@v0.1.0: ")
		}
		if !c.empty() {
			t.Errorf("%d: something is kept", status)
		}
	}
}

// A temporary failure of a registry is retried.
func TestModuleTroubleThatPasses(t *testing.T) {
	r := newRegistry(t)
	ill := 2
	r.wrap = func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		if ill--; ill >= 0 {
			w.WriteHeader(503)
			return
		}
		next.ServeHTTP(w, req)
	}
	p := packed(t, "package lua\n")
	if _, err := r.client(t).Publish(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	ill = 2
	if _, err := r.client(t).Get(t.Context(), p.Pin); err != nil {
		t.Fatal(err)
	}
}

func TestModuleUnreachable(t *testing.T) {
	r := newRegistry(t)
	pin := r.published(t)
	r.host = "127.0.0.1:1"
	_, err := r.client(t).Get(t.Context(), pin)
	wants(t, err, fault.TryAgain, "the registry 127.0.0.1:1 cannot be reached (dial tcp 127.0.0.1:1: connect: connection refused)")
}

// A registry that accepts a request but does not respond is neither awaited forever nor asked again.
func TestModuleSilent(t *testing.T) {
	before := patience
	patience = 300 * time.Millisecond
	t.Cleanup(func() { patience = before })
	for _, part := range []string{"/manifests/", "/blobs/"} {
		r := newRegistry(t)
		pin := r.published(t)
		asked := 0
		r.wrap = func(w http.ResponseWriter, req *http.Request, next http.Handler) {
			if strings.Contains(req.URL.Path, part) {
				asked++
				<-req.Context().Done()
				return
			}
			next.ServeHTTP(w, req)
		}
		_, err := r.client(t).Get(t.Context(), pin)
		wants(t, err, fault.TryAgain, "the registry does not answer (nothing came from "+r.host+" for 300ms)")
		if asked != 1 {
			t.Errorf("asked %d times", asked)
		}
	}
}

// Docker's credentials are used, but only for their registry.
func TestModuleLogin(t *testing.T) {
	r := newRegistry(t)
	r.wrap = func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		if name, password, _ := req.BasicAuth(); name != "me" || password != "s3cr3t-word" {
			w.Header().Set("WWW-Authenticate", `Basic realm="here"`)
			w.WriteHeader(401)
			return
		}
		next.ServeHTTP(w, req)
	}
	p := packed(t, "package lua\n")
	config := func(password string) string {
		auth := base64.StdEncoding.EncodeToString([]byte("me:" + password))
		return "DOCKER_CONFIG=" + folder(t, map[string]string{"config.json": `{"auths": {"` + r.host + `": {"auth": "` + auth + `"}}}`})
	}
	_, err := r.client(t).Publish(t.Context(), p)
	wants(t, err, fault.Usage, "denied access")
	_, err = r.client(t, config("another-word")).Publish(t.Context(), p)
	wants(t, err, fault.Usage, "denied access")
	if strings.Contains(err.Error(), "another-word") {
		t.Errorf("it says the password: %v", err)
	}
	if _, err = r.client(t, config("s3cr3t-word")).Publish(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if _, err = r.client(t, config("s3cr3t-word")).Get(t.Context(), p.Pin); err != nil {
		t.Fatal(err)
	}
}

// A registry that redirects, for its blobs or its token endpoint, gets no password sent to hosts that the login is not for.
func TestModuleLedElsewhere(t *testing.T) {
	r := newRegistry(t)
	p := r.published(t)
	var mu sync.Mutex
	var told []string
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		mu.Lock()
		told = append(told, req.Header.Get("Authorization"))
		mu.Unlock()
		w.Header().Set("WWW-Authenticate", `Basic realm="here"`)
		w.WriteHeader(401)
	}))
	defer elsewhere.Close()
	r.wrap = func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		if _, password, _ := req.BasicAuth(); password != "s3cr3t-word" {
			w.Header().Set("WWW-Authenticate", `Basic realm="here"`)
			w.WriteHeader(401)
			return
		}
		http.Redirect(w, req, elsewhere.URL+req.URL.Path, http.StatusTemporaryRedirect)
	}
	auth := base64.StdEncoding.EncodeToString([]byte("me:s3cr3t-word"))
	config := "DOCKER_CONFIG=" + folder(t, map[string]string{"config.json": `{"auths": {"` + r.host + `": {"auth": "` + auth + `"}}}`})
	if _, err := r.client(t, config).Get(t.Context(), p); err == nil || strings.Contains(err.Error(), "s3cr3t-word") {
		t.Errorf("%v", err)
	}
	if told = slices.Compact(told); len(told) != 1 || told[0] != "" {
		t.Errorf("it was told %q", told)
	}
}

// Concurrent requests with one cache give the same result.
func TestModuleAtOnce(t *testing.T) {
	r := newRegistry(t)
	pin := r.published(t)
	c := r.client(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if m, err := Open(c.opt).Get(t.Context(), pin); err != nil || len(m.Files) != 2 {
				t.Errorf("%v", err)
			}
		})
	}
	wg.Wait()
	ents, err := os.ReadDir(filepath.Join(c.opt.Cache, "sha256"))
	if err != nil || len(ents) != 2 {
		t.Errorf("%v %v", ents, err)
	}
}

// Modified or damaged files in the cache are fetched again.
func TestModuleCacheTampered(t *testing.T) {
	r := newRegistry(t)
	pin := r.published(t)
	c := r.client(t)
	for _, how := range []string{"package evil", ""} {
		if _, err := c.Get(t.Context(), pin); err != nil {
			t.Fatal(err)
		}
		kept, _ := filepath.Glob(filepath.Join(c.opt.Cache, "sha256", "*"))
		if len(kept) != 2 {
			t.Fatalf("%q", kept)
		}
		for _, file := range kept {
			if err := os.WriteFile(file, []byte(how), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if !c.Missing(pin) {
			t.Error("it is not missed")
		}
		m, err := c.Get(t.Context(), pin)
		if err != nil || m.Pin != pin {
			t.Errorf("%v", err)
		}
	}
}

func TestModuleOffline(t *testing.T) {
	r := newRegistry(t)
	pin := r.published(t)
	c := r.client(t)
	c.opt.Offline = true
	r.wrap = func(_ http.ResponseWriter, req *http.Request, _ http.Handler) { t.Errorf("asked for %s", req.URL) }
	_, err := c.Get(t.Context(), pin)
	wants(t, err, fault.TryAgain, "the module example.com/lua@v0.1.0 ("+pin.Digest+") is not on this machine")
	_, err = c.Find(t.Context(), "example.com/lua@v0.1.0")
	wants(t, err, fault.Usage, "--offline prevents this")
	r.wrap, c.opt.Offline = nil, false
	if _, err := c.Get(t.Context(), pin); err != nil {
		t.Fatal(err)
	}
	c.opt.Offline = true
	r.host = "127.0.0.1:1"
	if _, err := c.Get(t.Context(), pin); err != nil {
		t.Error(err)
	}
}

func TestModuleNames(t *testing.T) {
	c := newRegistry(t).client(t)
	for _, name := range []string{"", "@", "lua", "example.com/lua@", "@v0.1.0", "example.com/lua@v0.1.0@v0.2.0", "example.com/../lua@v0.1.0", "https://example.com/lua@v0.1.0",
		"example.com/lua@0.1.0", "example.com/LUA@v0.1.0", "example.com/lua@v0.1.0+x", "example.com/lua@v0.1.0\n", "../../etc@latest", "local@v0.1.0"} {
		if _, err := c.Find(t.Context(), name); fault.CodeOf(err) != fault.Usage {
			t.Errorf("%q: %v", name, err)
		}
	}
	_, err := c.Get(t.Context(), lock.Pin{Path: "example.com/lua@v0", Module: lock.Module{Version: "v1.0.0"}})
	wants(t, err, fault.Usage, "is not a module version")
}

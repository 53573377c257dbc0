package base

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"encoding/base64"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"sync"
)

// What apt would download is known from the cached lists of packages, with address and hash, without network access.
func TestMissing(t *testing.T) {
	a := newArchive(t)
	app := debSpec{fields: map[string]string{"Package": "app", "Version": "2.0-1", "Depends": "libapp (>= 1.0), apt"}}
	lib := debSpec{fields: map[string]string{"Package": "libapp"}}
	a.suite("debian", "trixie", nil, append(basics(), app, lib)...)
	req := Request{Ref: "debian://trixie", Arch: "amd64", Mirror: a.srv.URL + "/debian", Keyring: a.keyFile(), CacheDir: t.TempDir(), Progress: func(string) {}}
	if _, ok := Missing(req, []string{"app"}); ok {
		t.Error("it is known what a base lacks that is not there")
	}
	if _, err := a.resolve(req, copyRunner); err != nil {
		t.Fatal(err)
	}
	asked := len(a.asked)
	debs, ok := Missing(req, []string{"app=2.0-1", "netbase"})
	want := []Deb{
		{"app", "2.0-1", a.srv.URL + "/debian/pool/app_trixie.deb", sum(a.deb(app))},
		{"libapp", "1.0-1", a.srv.URL + "/debian/pool/libapp_trixie.deb", sum(a.deb(lib))},
	}
	if !ok || !slices.Equal(debs, want) {
		t.Errorf("%t %+v, want %+v", ok, debs, want)
	}
	if _, ok := Missing(req, []string{"nosuchpackage"}); ok {
		t.Error("a package that there is none of is known")
	}
	if len(a.asked) != asked {
		t.Errorf("it asked for %q", a.asked[asked:])
	}
	if got := Index(req); got != a.srv.URL+"/debian/dists/trixie/InRelease" {
		t.Error(got)
	}
}

// An archive behind TLS with a private certificate authority and a password works, and the password is sent nowhere else.
func TestPrivateArchive(t *testing.T) {
	a := newArchive(t)
	private := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "me" || password != "canary" {
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		a.ServeHTTP(w, r)
	}))
	defer private.Close()
	host := strings.TrimPrefix(private.URL, "https://")
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: private.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		auth, ca string
		code     fault.Code
	}{
		{"machine other.example login you password else\nmachine " + host + "/debian login me password canary", ca, fault.OK},
		{"machine " + host + " login me password canary", "", fault.TryAgain},
		{"machine " + host + "/elsewhere login me password canary", ca, fault.TryAgain},
		{"machine http://" + host + " login me password canary", ca, fault.TryAgain},
		{"", ca, fault.TryAgain},
		{"", ca + ".absent", fault.Usage},
	} {
		l, _, err := a.request(func(r *Request) {
			r.Mirror, r.CAFile, r.Auth = private.URL+"/debian", c.ca, []byte(c.auth)
		})
		if fault.CodeOf(err) != c.code {
			t.Errorf("%+v: %v", c, err)
		}
		if err == nil && strings.Contains(contents(t, l)["etc/apt/sources.list.d/debian.sources"], "canary") {
			t.Error("the base holds the password")
		}
	}
	if l := (login{machine: "h.example"}); l.fits(mustURL(t, "http://h.example/x")) || !l.fits(mustURL(t, "https://h.example:8443/x")) {
		t.Error("a login without a scheme is for https, on any port")
	}
}

// A redirect to another port or from https to http carries no password, which Go's client would send.
func TestPrivateArchiveLeadsElsewhere(t *testing.T) {
	a := newArchive(t)
	var mu sync.Mutex
	var told []string
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		told = append(told, r.Header.Get("Authorization"))
		mu.Unlock()
		a.ServeHTTP(w, r)
	}))
	defer plain.Close()
	private := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, password, _ := r.BasicAuth(); password != "canary" {
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		http.Redirect(w, r, plain.URL+r.URL.Path, http.StatusFound)
	}))
	defer private.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: private.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	login := "machine " + strings.TrimPrefix(private.URL, "https://") + " login me password canary"
	own := login + "\nmachine " + plain.URL + " login other password its-own"
	for auth, want := range map[string]string{login: "", own: "Basic " + base64.StdEncoding.EncodeToString([]byte("other:its-own"))} {
		told = nil
		_, _, err := a.request(func(r *Request) { r.Mirror, r.CAFile, r.Auth = private.URL+"/debian", ca, []byte(auth) })
		if err != nil {
			t.Fatal(err)
		}
		if told = slices.Compact(told); len(told) != 1 || told[0] != want {
			t.Errorf("it was told %q, not %q", told, want)
		}
	}
}

func mustURL(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

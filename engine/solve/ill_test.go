package solve

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/nixpacks-cue/nixpacks/engine/solve/buildkitdtest"
)

// illness answers in a registry's stead.
type illness func(r *illRegistry, w http.ResponseWriter, req *http.Request)

// illRegistry is a registry behind a proxy that can fall ill.
type illRegistry struct {
	addr, well string // HOST:PORT, ill and well
	over       chan struct{}
	proxy      *httputil.ReverseProxy

	mu    sync.Mutex
	ill   illness // nil while it is well
	part  string  // of the paths that are ill
	times int     // how often it still is; negative: for ever
	asked int     // how often it was, since it fell ill
	hook  func()  // called each time
}

func newIllRegistry(t *testing.T) *illRegistry {
	t.Helper()
	r := &illRegistry{well: buildkitdtest.Registry(t, ""), over: make(chan struct{})}
	r.proxy = &httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) {
		p.SetURL(&url.URL{Scheme: "http", Host: r.well})
		p.Out.Host = p.In.Host // its uploads are at addresses of the host that was asked for
	}}
	r.proxy.ErrorHandler = func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }
	s := httptest.NewServer(r)
	t.Cleanup(s.Close)
	t.Cleanup(func() { close(r.over) })
	r.addr = strings.TrimPrefix(s.URL, "http://")
	return r
}

// fall makes requests whose paths hold part ill, so many times.
func (r *illRegistry) fall(ill illness, part string, times int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ill, r.part, r.times, r.asked, r.hook = ill, part, times, 0, nil
}

func (r *illRegistry) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asked
}

// ServeHTTP answers well or ill.
func (r *illRegistry) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	ill, hook := r.ill, r.hook
	if r.times == 0 || !strings.Contains(req.URL.Path, r.part) {
		ill = nil
	}
	if ill != nil {
		r.times--
		r.asked++
	}
	r.mu.Unlock()
	if ill == nil {
		r.proxy.ServeHTTP(w, req)
		return
	}
	if hook != nil {
		hook()
	}
	ill(r, w, req)
}

// says is a registry that answers with a status.
func says(status int, header ...string) illness {
	return func(_ *illRegistry, w http.ResponseWriter, req *http.Request) {
		io.Copy(io.Discard, req.Body)
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
	}
}

// silent takes the request and never answers.
func silent(r *illRegistry, _ http.ResponseWriter, req *http.Request) {
	select {
	case <-r.over:
	case <-req.Context().Done():
	}
}

// half breaks off in the middle of what it sends or takes.
func half(r *illRegistry, w http.ResponseWriter, req *http.Request) {
	whole := httptest.NewRecorder()
	r.proxy.ServeHTTP(whole, req)
	for k, v := range whole.Header() {
		w.Header()[k] = v
	}
	w.WriteHeader(whole.Code)
	w.Write(whole.Body.Bytes()[:whole.Body.Len()/2])
	w.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

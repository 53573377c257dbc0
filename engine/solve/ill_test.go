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

// illness responds in place of a registry.
type illness func(r *illRegistry, w http.ResponseWriter, req *http.Request)

// illRegistry is a registry behind a proxy that can inject faults.
type illRegistry struct {
	addr, well string // HOST:PORT of the proxy and of the registry
	over       chan struct{}
	proxy      *httputil.ReverseProxy

	mu    sync.Mutex
	ill   illness // nil while it is well
	part  string  // part of the paths that are ill
	times int     // remaining ill responses; negative: unlimited
	asked int     // requests since it fell ill
	hook  func()  // called for each of them
}

func newIllRegistry(t *testing.T) *illRegistry {
	t.Helper()
	r := &illRegistry{well: buildkitdtest.Registry(t, ""), over: make(chan struct{})}
	r.proxy = &httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) {
		p.SetURL(&url.URL{Scheme: "http", Host: r.well})
		p.Out.Host = p.In.Host // its upload URLs use the requested host
	}}
	r.proxy.ErrorHandler = func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }
	s := httptest.NewServer(r)
	t.Cleanup(s.Close)
	t.Cleanup(func() { close(r.over) })
	r.addr = strings.TrimPrefix(s.URL, "http://")
	return r
}

// fall makes the next requests whose paths contain part ill.
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

// ServeHTTP forwards or injects a fault.
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

// says responds with an HTTP status.
func says(status int, header ...string) illness {
	return func(_ *illRegistry, w http.ResponseWriter, req *http.Request) {
		io.Copy(io.Discard, req.Body)
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
	}
}

// silent accepts the request and never responds.
func silent(r *illRegistry, _ http.ResponseWriter, req *http.Request) {
	select {
	case <-r.over:
	case <-req.Context().Done():
	}
}

// half breaks off in the middle of a response or an upload.
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

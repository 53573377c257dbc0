package company

import (
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"
)

// quiet drops what a server has to say of clients that hang up.
var quiet = log.New(io.Discard, "", 0)

// Proxy takes connections on, and counts them by the host that is asked for.
type Proxy struct {
	Addr string // HOST:PORT
	// User and Password, where set, are asked for.
	User, Password string

	name, to string
	server   *http.Server
	mu       sync.Mutex
	asked    map[string]int
	refused  int
}

// startProxy opens a proxy that knows where one name leads, which no resolver does; others it looks up.
func startProxy(name, to string) (*Proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{Addr: l.Addr().String(), name: name, to: to, asked: map[string]int{}}
	p.server = &http.Server{Handler: p, ErrorLog: quiet, ReadHeaderTimeout: time.Minute}
	go p.server.Serve(l)
	return p, nil
}

// Close ends the proxy.
func (p *Proxy) Close() { p.server.Close() }

// URL is the proxy's address, with the password where it has one.
func (p *Proxy) URL() string {
	if p.User == "" {
		return "http://" + p.Addr
	}
	return "http://" + p.User + ":" + p.Password + "@" + p.Addr
}

// Asked is how many connections to a host were asked for, with the right password where there is one.
func (p *Proxy) Asked(host string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked[host]
}

// Refused is how many requests had no, or another, password.
func (p *Proxy) Refused() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.refused
}

// ServeHTTP takes a CONNECT on; other requests it refuses, since nothing here goes without TLS.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !p.lets(r) {
		w.Header().Set("Proxy-Authenticate", `Basic realm="canary"`)
		http.Error(w, "who are you?", http.StatusProxyAuthRequired)
		return
	}
	host, _, err := net.SplitHostPort(r.Host)
	if r.Method != http.MethodConnect || err != nil {
		http.Error(w, "CONNECT alone", http.StatusMethodNotAllowed)
		return
	}
	p.mu.Lock()
	p.asked[host]++
	p.mu.Unlock()
	to := r.Host
	if host == p.name {
		to = p.to
	}
	there, err := net.DialTimeout("tcp", to, 10*time.Second)
	if err != nil {
		http.Error(w, "it cannot be reached", http.StatusBadGateway)
		return
	}
	defer there.Close()
	here, buffered, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer here.Close()
	io.WriteString(here, "HTTP/1.1 200 Connection established\r\n\r\n")
	go func() {
		io.Copy(there, buffered)
		there.(*net.TCPConn).CloseWrite()
	}()
	io.Copy(here, there)
}

// lets tells whether a request has the proxy's password.
func (p *Proxy) lets(r *http.Request) bool {
	if p.User == "" {
		return true
	}
	as := http.Request{Header: http.Header{"Authorization": r.Header["Proxy-Authorization"]}}
	user, password, _ := as.BasicAuth()
	ok := user == p.User && password == p.Password
	if !ok {
		p.mu.Lock()
		p.refused++
		p.mu.Unlock()
	}
	return ok
}

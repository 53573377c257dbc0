// Package company is the network of a company on the loopback: registries of packages behind TLS with a certificate that only
// its own authority vouches for, each asking for a token or a password, and a proxy through which alone they are reached by
// name. They hold one package each, and lead nowhere else.
package company

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"
)

// Host is the name of the registries; no resolver knows it but the proxy.
const Host = "registry.test"

// User is who the registries know, where they ask for a name too.
const User = "canary-user"

// Network is such a network.
type Network struct {
	CA    []byte // the authority's certificate, in PEM
	Port  string // of the registries, at Host and localhost
	Token string // what the registries want to be told
	Proxy *Proxy

	server *httptest.Server
	mu     sync.Mutex
	seen   map[string]int // requests that were let in, by registry, and by registry and name of the host as in "npm at localhost"
	denied map[string]int
}

// Start opens the network; Close ends it. The token is new each time.
func Start() (*Network, error) {
	n := &Network{Token: "canary-" + rand.Text(), seen: map[string]int{}, denied: map[string]int{}}
	cert, err := n.certificate()
	if err != nil {
		return nil, err
	}
	n.server = httptest.NewUnstartedServer(n)
	n.server.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	n.server.Config.ErrorLog = quiet
	n.server.StartTLS()
	_, n.Port, _ = net.SplitHostPort(n.server.Listener.Addr().String())
	n.Proxy, err = startProxy(Host, n.server.Listener.Addr().String())
	return n, err
}

// Close ends the network.
func (n *Network) Close() {
	n.server.Close()
	n.Proxy.Close()
}

// URL is an address at the registries.
func (n *Network) URL(path string) string { return "https://" + Host + ":" + n.Port + path }

// Seen is how often a registry has let someone in, and Denied how often not. SeenAt is how often at the name of a host.
func (n *Network) Seen(registry string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.seen[registry]
}

// SeenAt is how often a registry has let someone in who asked for it by the name of a host.
func (n *Network) SeenAt(host, registry string) int { return n.Seen(registry + " at " + host) }

// Denied is how often a registry did not let someone in.
func (n *Network) Denied(registry string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.denied[registry]
}

// certificate makes an authority, and a certificate of it for Host and localhost.
func (n *Network) certificate() (none tls.Certificate, err error) {
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return none, err
	}
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "canary authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, SubjectKeyId: []byte{1},
	}
	raw, err := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	if err != nil {
		return none, err
	}
	n.CA = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw})
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return none, err
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: Host}, DNSNames: []string{Host, "localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: ca.NotBefore, NotAfter: ca.NotAfter, AuthorityKeyId: []byte{1},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, ca, key.Public(), caKey)
	return tls.Certificate{Certificate: [][]byte{der, raw}, PrivateKey: key}, err
}

// ServeHTTP answers for all registries: the first folder of the address says which.
func (n *Network) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	files := registries[name]
	if files == nil {
		http.NotFound(w, r)
		return
	}
	if !n.authorized(name, r) {
		n.mu.Lock()
		n.denied[name]++
		n.mu.Unlock()
		w.Header().Set("WWW-Authenticate", `Basic realm="canary"`)
		http.Error(w, "who are you?", http.StatusUnauthorized)
		return
	}
	body, kind := files(n, "https://"+r.Host, path)
	if body == nil {
		http.NotFound(w, r)
		return
	}
	n.mu.Lock()
	host, _, _ := net.SplitHostPort(r.Host)
	n.seen[name]++
	n.seen[name+" at "+host]++
	n.mu.Unlock()
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	if r.Method != http.MethodHead {
		w.Write(body)
	}
}

// authorized tells whether a request bears the token, in the way that the registry's clients have.
func (n *Network) authorized(name string, r *http.Request) bool {
	switch name {
	case "open":
		return true
	case "npm":
		return r.Header.Get("Authorization") == "Bearer "+n.Token
	case "cargo":
		return r.Header.Get("Authorization") == n.Token
	}
	user, password, _ := r.BasicAuth()
	return user == User && password == n.Token
}

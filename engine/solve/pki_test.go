package solve

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nixpacks-cue/nixpacks/engine/base"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/solve/buildkitdtest"
)

// pki is a CA with certificates for a server, builder.test, and for a client, as PEM files.
type pki struct {
	dir  string
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

func newPKI(t testing.TB) *pki {
	t.Helper()
	p := &pki{dir: t.TempDir()}
	p.issue(t, "ca", &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	p.issue(t, "server", &x509.Certificate{DNSNames: []string{"builder.test"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	p.issue(t, "client", &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	return p
}

// issue creates a certificate signed by the CA; the first one is the CA's own.
func (p *pki) issue(t testing.TB, name string, c *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c.SerialNumber, c.Subject, c.NotAfter = big.NewInt(time.Now().UnixNano()), pkix.Name{CommonName: name}, time.Now().Add(time.Hour)
	if p.cert == nil {
		p.cert, p.key = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, p.cert, key.Public(), p.key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	put(t, p.file(name+".pem"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	put(t, p.file(name+".key"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})))
	if name == "ca" {
		if p.cert, err = x509.ParseCertificate(der); err != nil {
			t.Fatal(err)
		}
	}
}

func (p *pki) file(name string) string { return filepath.Join(p.dir, name) }

// server returns the TLS files of the server, and the CA of its clients.
func (p *pki) server() *buildkitdtest.TLS {
	return &buildkitdtest.TLS{CA: p.file("ca.pem"), Cert: p.file("server.pem"), Key: p.file("server.key")}
}

// tls returns the TLS files of a client that trusts ca and has the certificate name.
func (p *pki) tls(ca, name string) TLS {
	return TLS{CA: p.file(ca), Cert: p.file(name + ".pem"), Key: p.file(name + ".key"), ServerName: "builder.test"}
}

// Files of certificates and keys have a limit, as the wrong file may be larger than the memory. They may be pipes, which can be
// read once.
func TestTLSFiles(t *testing.T) {
	p := newPKI(t)
	good := p.tls("ca.pem", "client")
	large := func(of string) string {
		raw, err := os.ReadFile(of)
		if err != nil {
			t.Fatal(err)
		}
		put(t, of+".large", string(raw)+strings.Repeat("\n", base.MaxPEM))
		return of + ".large"
	}
	for _, c := range []TLS{{CA: large(good.CA)}, {Cert: large(good.Cert), Key: good.Key}, {Cert: good.Cert, Key: large(good.Key)}} {
		_, err := Connect(t.Context(), Target{Builder: "tcp://127.0.0.1:1", TLS: c})
		wantFault(t, err, fault.Usage, ".large is too large: the maximum is 1048576 bytes")
	}
	_, err := secretValues(Request{CAFile: large(good.CA)})
	wantFault(t, err, fault.Usage, ".large is too large: the maximum is 512000 bytes")
	raw, err := os.ReadFile(good.CA)
	if err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := w.Write(raw); err != nil {
		t.Fatal(err)
	}
	w.Close()
	good.CA = fmt.Sprintf("/dev/fd/%d", r.Fd())
	c, err := good.config("builder.test")
	if err != nil || c.RootCAs == nil || len(c.Certificates) != 1 {
		t.Errorf("got %+v, %v", c, err)
	}
}

package solve

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"testing"

	"github.com/pavlo-v-chernykh/keystore-go/v4"
)

// An invalid certificate must not make Java lose the others.
func TestTrustStore(t *testing.T) {
	bundle := append([]byte("# a comment\n"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("no certificate")})...)
	ca := certificate(t)
	bundle = append(bundle, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca})...)
	store, err := trustStore(bundle)
	if err != nil {
		t.Fatal(err)
	}
	ks := keystore.New()
	if err := ks.Load(bytes.NewReader(store), []byte("changeit")); err != nil {
		t.Fatal(err)
	}
	if len(ks.Aliases()) != 1 {
		t.Fatalf("the store has %v", ks.Aliases())
	}
	entry, err := ks.GetTrustedCertificateEntry(ks.Aliases()[0])
	if err != nil || !bytes.Equal(entry.Certificate.Content, ca) {
		t.Errorf("the certificate is another: %v", err)
	}
	if _, err := trustStore(nil); err != nil {
		t.Errorf("an empty bundle: %v", err)
	}
}

// certificate returns a valid certificate in DER.
func certificate(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

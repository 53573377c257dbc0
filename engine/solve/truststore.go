package solve

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"time"

	"github.com/moby/buildkit/session/secrets"
	"github.com/pavlo-v-chernykh/keystore-go/v4"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan2llb"
)

// secretStore contains secret values by id. It creates Java's form of the CA bundle only when a step asks for it, since
// most builds do not run Java.
type secretStore map[string][]byte

// GetSecret is called by BuildKit's session.
func (s secretStore) GetSecret(_ context.Context, id string) ([]byte, error) {
	if bundle, ok := s[plan2llb.CASecret]; ok && id == plan2llb.TrustStoreSecret {
		store, err := trustStore(bundle)
		return store, fault.Wrap(fault.Usage, err, "the CA bundle cannot be converted for Java")
	}
	if v, ok := s[id]; ok {
		return v, nil
	}
	return nil, secrets.ErrNotFound
}

// trustStore converts a PEM bundle to a JKS key store for Java. Invalid certificates are skipped, since Java would
// otherwise reject the whole key store.
func trustStore(bundle []byte) ([]byte, error) {
	ks := keystore.New()
	for block, rest := pem.Decode(bundle); block != nil; block, rest = pem.Decode(rest) {
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			continue
		}
		entry := keystore.TrustedCertificateEntry{
			CreationTime: time.Unix(0, 0),
			Certificate:  keystore.Certificate{Type: "X.509", Content: block.Bytes},
		}
		if err := ks.SetTrustedCertificateEntry(fmt.Sprintf("ca-%d", len(ks.Aliases())), entry); err != nil {
			return nil, err
		}
	}
	var b bytes.Buffer
	// Certificates are not secret: Java reads them without the password, which only protects against changes.
	err := ks.Store(&b, []byte("changeit"))
	return b.Bytes(), err
}

package company

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"sync"
)

// hexKey is who signs the list of Hex's versions. Mix has the real one's key, and others that it is told of.
var hexKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err) // no source of randomness
	}
	return key
})

// HexKey is the public key of who signs, in PEM.
func HexKey() string {
	der, err := x509.MarshalPKIXPublicKey(hexKey().Public())
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// hexBuilds is where Mix gets Hex from: an archive under its name, with no program in it.
func hexBuilds(_ *Network, _, path string) ([]byte, string) {
	archive := zipped(file{"hex-2.2.0/ebin/hex.app", "% made with mix\n{application,hex,[{vsn,\"2.2.0\"},{modules,[]},{applications,[kernel,stdlib]}]}.\n"})
	list := fmt.Appendf(nil, "2.2.0,%x,1.15.0\n", sha512.Sum512(archive))
	switch path {
	case "installs/hex-1.x.csv":
		return list, "text/csv"
	case "installs/hex-1.x.csv.signed":
		sum := sha512.Sum512(list)
		signature, err := rsa.SignPKCS1v15(rand.Reader, hexKey(), crypto.SHA512, sum[:])
		if err != nil {
			return nil, ""
		}
		return []byte(base64.StdEncoding.EncodeToString(signature)), "text/plain"
	case "installs/1.15.0/hex-2.2.0.ez":
		return archive, "application/zip"
	}
	return nil, ""
}

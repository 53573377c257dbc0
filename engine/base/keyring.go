package base

import (
	"bytes"
	"embed"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// The keys that sign Debian's archive, from the package debian-archive-keyring 2025.1.
//
//go:embed keyring/*.asc
var debianKeys embed.FS

// keyring is a set of keys and the bytes it was read from.
type keyring struct {
	name string // name in error messages
	raw  []byte
	// keys parses the keys on first use, because parsing takes longer than looking up a cached base.
	keys func() (openpgp.EntityList, error)
}

// readKeyring reads keys from a file, armored or not, or Debian's own keys if file is "".
func readKeyring(file string) (*keyring, error) {
	if file == "" {
		return embeddedKeys()
	}
	raw, err := ReadUpTo(file, maxKeyring)
	if err != nil {
		return nil, fault.Wrap(fault.Usage, err, "cannot read the keyring %s", file)
	}
	keys, err := parseKeys(raw)
	if err != nil || len(keys) == 0 {
		return nil, fault.Wrap(fault.Usage, orEmpty(err), "%s is not an OpenPGP keyring", file)
	}
	return &keyring{name: file, raw: raw, keys: func() (openpgp.EntityList, error) { return keys, nil }}, nil
}

// maxKeyring is far above the size of an archive's keys: those of Debian's three releases have 76 KB.
const maxKeyring = 4 << 20

func embeddedKeys() (*keyring, error) {
	files, err := fs.Glob(debianKeys, "keyring/*.asc")
	if err != nil {
		return nil, fault.Wrap(fault.Bug, err, "the built-in Debian keys are missing")
	}
	var raws [][]byte
	for _, f := range files {
		raw, err := debianKeys.ReadFile(f)
		if err != nil {
			return nil, fault.Wrap(fault.Bug, err, "the built-in Debian keys are missing")
		}
		raws = append(raws, raw)
	}
	return &keyring{name: "Debian's archive keyring", raw: bytes.Join(raws, nil), keys: sync.OnceValues(func() (openpgp.EntityList, error) {
		var all openpgp.EntityList
		for i, raw := range raws {
			keys, err := parseKeys(raw)
			if err != nil {
				return nil, fault.Wrap(fault.Bug, err, "the built-in Debian key %s is broken", files[i])
			}
			all = append(all, keys...)
		}
		return all, nil
	})}, nil
}

func parseKeys(raw []byte) (openpgp.EntityList, error) {
	if isArmored(raw) {
		return openpgp.ReadArmoredKeyRing(bytes.NewReader(raw))
	}
	return openpgp.ReadKeyRing(bytes.NewReader(raw))
}

func isArmored(raw []byte) bool { return bytes.Contains(raw, []byte("-----BEGIN PGP")) }

func orEmpty(err error) error {
	if err == nil {
		return os.ErrInvalid
	}
	return err
}

// verify returns the text of an InRelease file that is signed by one of the keys. It drops everything around
// the signed text.
func (k *keyring) verify(inRelease []byte, now time.Time) ([]byte, error) {
	block, _ := clearsign.Decode(inRelease)
	if block == nil {
		return nil, os.ErrInvalid
	}
	keys, err := k.keys()
	if err != nil {
		return nil, err
	}
	_, err = block.VerifySignature(keys, &packet.Config{Time: func() time.Time { return now }})
	if err != nil {
		return nil, err
	}
	return block.Plaintext, nil
}

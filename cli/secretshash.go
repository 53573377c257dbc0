package cli

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	ucli "github.com/urfave/cli/v2"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// hashAuto is the value of --secrets-hash that stands for hashes of the secrets.
const hashAuto = "auto"

// givenHashes returns, by secret id, the text of --secrets-hash that steps depend on if they ask for the secret.
func givenHashes(c *ucli.Context, p *plan.Plan) map[string]string {
	said := c.String("secrets-hash")
	if said == "" || said == hashAuto {
		return nil
	}
	out := map[string]string{}
	for _, a := range p.AskedSecrets() {
		out[a.ID] = said
	}
	return out
}

// keyedHashes returns the same, computed from the secrets with a key. A plain hash in the build graph, the cache or the
// provenance would let anyone test guesses of a password.
func (h *Host) keyedHashes(secrets map[string][]byte) (map[string]string, error) {
	state, err := h.stateDir()
	if err != nil {
		return nil, err
	}
	key, err := secretsKey(state)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for id, value := range secrets {
		m := hmac.New(sha256.New, key)
		m.Write([]byte(id + "\x00"))
		m.Write(value)
		out[id] = hex.EncodeToString(m.Sum(nil))
	}
	return out, nil
}

// secretsKey returns this machine's key, and creates it on first use.
func secretsKey(state string) ([]byte, error) {
	path := filepath.Join(state, "secrets.key")
	key, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err = makeKey(state, path); err == nil {
			key, err = os.ReadFile(path)
		}
	}
	if err == nil && len(key) != sha256.Size {
		return nil, fault.New(fault.Usage, "%s is not a key of this program", path).WithHint("delete it: phases that ask for secrets then run once more")
	}
	return key, fault.Wrap(fault.Usage, err, "the key for --secrets-hash auto cannot be kept at %s", path)
}

// makeKey writes a new key, unless another process was faster. A hard link never replaces a file.
func makeKey(state, path string) error {
	if err := os.MkdirAll(state, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(state, "secrets.key-")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	key := make([]byte, sha256.Size)
	rand.Read(key) // never fails
	_, err = f.Write(key)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err = os.Link(f.Name(), path); errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

package base

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// A file of the operator that is too large is refused by name; its rest is not read.
func TestReadUpTo(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	if raw, err := ReadUpTo(file, 4); string(raw) != "text" || err != nil {
		t.Errorf("got %q, %v", raw, err)
	}
	if err := os.Truncate(file, 30<<20); err != nil { // sparse
		t.Fatal(err)
	}
	_, keyring := readKeyring(file)
	for want, err := range map[string]error{"1048576": (&fetcher{}).trust(file), "4194304": keyring} {
		if fault.CodeOf(err) != fault.Usage || !strings.HasPrefix(err.Error(), file+" is too large: the maximum is "+want+" bytes") {
			t.Errorf("code %d, %v", fault.CodeOf(err), err)
		}
	}
}

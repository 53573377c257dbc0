package base

import (
	"io"
	"os"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// MaxPEM limits a file of certificates or a key. All authorities of a system have a quarter of it.
const MaxPEM = 1 << 20

// ReadUpTo reads a file of the operator, which may be a pipe. It stops one byte after the limit: a file that was confused with
// another may be larger than the memory, and a device has no end.
func ReadUpTo(file string, most int64) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(raw)) > most {
		err = fault.New(fault.Usage, "%s is too large: the maximum is %d bytes", file, most).WithHint("is it the right file?")
	}
	return raw, err
}

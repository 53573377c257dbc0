package cli

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// nowhere checks that values occur neither in the output nor in any file below dirs, after decompression. It also searches
// for what would let someone verify a guessed value. To prove that the search works, each of the texts in there, which the
// image has, must be in a file.
func nowhere(t *testing.T, said []byte, values, there []string, dirs ...string) {
	t.Helper()
	s := search{found: map[string]bool{}, needles: map[string]string{}, report: func(where, what string) { t.Errorf("%s holds %s", where, what) }}
	for _, v := range values {
		s.lookFor(v)
	}
	s.look("what was printed", said, 0)
	for _, text := range there {
		s.wanted = append(s.wanted, []byte(text))
	}
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			data, err := os.ReadFile(path)
			if err == nil {
				s.look(path, data, 0)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, text := range there {
		if !s.found[text] {
			t.Errorf("%s is not found, so that nothing would be", text)
		}
	}
	t.Logf("looked for %d forms of %d values in %d files, %d of them packed in others, %d MB", len(s.needles), len(values), s.files, s.packed, s.bytes>>20)
}

func backwards(s string) string {
	r := []rune(s)
	slices.Reverse(r)
	return string(r)
}

// search is one search for texts.
type search struct {
	needles              map[string]string // maps each text to what it is
	report               func(where, what string)
	wanted               [][]byte
	found                map[string]bool
	files, packed, bytes int
}

// lookFor adds the forms of a value: the value itself, escaped as in an address, in base64 at every offset, and its plain
// hash.
func (s *search) lookFor(value string) {
	sum := sha256.Sum256([]byte(value))
	s.needles[value] = "the value"
	s.needles[url.QueryEscape(value)] = "the value in an address"
	s.needles[url.UserPassword("me", value).String()] = "the value behind a user's name"
	s.needles[hex.EncodeToString([]byte(value))] = "the value in hexadecimal"
	s.needles[hex.EncodeToString(sum[:])] = "the value's plain hash"
	s.needles[string(sum[:])] = "the value's plain hash"
	for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for before := range 3 {
			text := enc.EncodeToString(append(make([]byte, before), value...))
			first, last := []int{0, 2, 3}[before], len(text)
			if (before+len(value))%3 != 0 {
				last-- // the last character depends on what follows
			}
			s.needles[text[first:last]] = "the value in base64"
		}
	}
}

// most is how many levels of archives are unpacked: a layer in an image in a tar.
const most = 4

func (s *search) look(where string, data []byte, depth int) {
	s.files++
	s.bytes += len(data)
	if depth > 0 {
		s.packed++
	}
	for n, what := range s.needles {
		if bytes.Contains(data, []byte(n)) {
			s.report(where, what)
		}
	}
	for _, w := range s.wanted {
		s.found[string(w)] = s.found[string(w)] || bytes.Contains(data, w)
	}
	if depth == most {
		return
	}
	if out := unpacked(data); len(out) > 0 {
		s.look(where+" unpacked", out, depth+1)
	}
	if len(data) < 512 || !bytes.Equal(data[257:262], []byte("ustar")) {
		return
	}
	for r := tar.NewReader(bytes.NewReader(data)); ; {
		h, err := r.Next()
		if err != nil {
			return
		}
		inner, err := io.ReadAll(r)
		if out := unpacked(inner); err == nil && len(out) > 0 {
			s.look(where+": "+h.Name, out, depth+1)
		}
	}
}

// unpacked returns the content of compressed data, and nothing for other data.
func unpacked(data []byte) []byte {
	var r io.Reader
	switch {
	case bytes.HasPrefix(data, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			return nil
		}
		r = z
	case bytes.HasPrefix(data, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(bytes.NewReader(data))
		if err != nil {
			return nil
		}
		defer z.Close()
		r = z
	default:
		return nil
	}
	out, _ := io.ReadAll(r)
	return out
}

// TestCanary checks that the search finds a value in every form and at every depth.
func TestCanary(t *testing.T) {
	const value = "canary-0+1/2~3=abcdef"
	pack := func(data []byte) []byte {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		z.Write(data)
		z.Close()
		return b.Bytes()
	}
	archive := func(data []byte) []byte {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		w.WriteHeader(&tar.Header{Name: "x", Size: int64(len(data)), Mode: 0o644})
		w.Write(data)
		w.Close()
		return b.Bytes()
	}
	sum := sha256.Sum256([]byte(value))
	for name, text := range map[string]string{
		"plain": "x" + value + "y", "a proxy": "http://me:canary-0+1%2F2~3=abcdef@host", "a query": "?p=" + url.QueryEscape(value),
		"docker's configuration": base64.StdEncoding.EncodeToString([]byte("me:" + value)), "its hash": hex.EncodeToString(sum[:]),
		"a layer": string(pack(archive([]byte(value)))), "an image": string(archive(pack(archive([]byte(value))))),
		"one byte before": base64.StdEncoding.EncodeToString([]byte("u" + value + "tail")), "none before": base64.URLEncoding.EncodeToString([]byte(value + "tail")),
	} {
		hits := 0
		s := search{found: map[string]bool{}, needles: map[string]string{}, report: func(string, string) { hits++ }}
		s.lookFor(value)
		s.look(name, []byte(text), 0)
		if hits == 0 {
			t.Errorf("%s: nothing is found", name)
		}
	}
}

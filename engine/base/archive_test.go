package base

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

var (
	today = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	built = time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
)

// archive is a Debian archive of a few packages with its own key, on a local server.
type archive struct {
	t     *testing.T
	key   *openpgp.Entity
	files map[string][]byte // by path
	srv   *httptest.Server

	mu     sync.Mutex
	asked  []string                                      // the requested paths
	answer func(w http.ResponseWriter, path string) bool // handles the request itself if it returns true
}

// debSpec is a package of the archive: control fields, and files by path.
type debSpec struct {
	fields map[string]string
	files  map[string]string
	pack   string // compression of data.tar
}

// basics are the packages that complete the flavour "bare".
func basics() []debSpec {
	out := []debSpec{
		{fields: map[string]string{"Package": "base-files", "Essential": "yes", "Priority": "required", "Pre-Depends": "awk"},
			files: map[string]string{"./etc/profile": "PATH=/bin\n", "./usr/share/doc/base-files/README": "no one reads it"}},
		{fields: map[string]string{"Package": "base-passwd", "Essential": "yes", "Priority": "required"},
			files: map[string]string{"./bin/update-passwd": "#!/bin/sh\n"}, pack: "zst"},
		{fields: map[string]string{"Package": "mawk", "Priority": "required", "Provides": "awk"},
			files: map[string]string{"./usr/bin/mawk": "mawk\n"}, pack: "gz"},
		{fields: map[string]string{"Package": "apt", "Depends": "libapt (>= 1.0), adduser | base-passwd"},
			files: map[string]string{"./usr/bin/apt": "apt\n"}},
		{fields: map[string]string{"Package": "libapt", "Version": "1.2-3"}},
	}
	for _, n := range []string{"ca-certificates", "netbase", "passwd", "tzdata"} {
		out = append(out, debSpec{fields: map[string]string{"Package": n}})
	}
	return out
}

func newArchive(t *testing.T) *archive {
	t.Helper()
	key, err := openpgp.NewEntity("archive", "", "archive@example.org", &packet.Config{
		Algorithm: packet.PubKeyAlgoEdDSA, Time: func() time.Time { return built }})
	if err != nil {
		t.Fatal(err)
	}
	a := &archive{t: t, key: key, files: map[string][]byte{}}
	a.srv = httptest.NewServer(a)
	t.Cleanup(a.srv.Close)
	a.suite("debian", "trixie", nil, basics()...)
	return a
}

func (a *archive) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p := strings.TrimPrefix(r.URL.Path, "/")
	a.mu.Lock()
	a.asked = append(a.asked, p)
	defer a.mu.Unlock()
	switch body, ok := a.files[p]; {
	case a.answer != nil && a.answer(w, p):
	case !ok:
		http.NotFound(w, r)
	default:
		w.Write(body)
	}
}

// suite adds a suite below root. The given fields replace those of its InRelease.
func (a *archive) suite(root, suite string, release map[string]string, specs ...debSpec) {
	a.t.Helper()
	var index strings.Builder
	for _, s := range specs {
		deb := a.deb(s)
		name := s.fields["Package"]
		f := map[string]string{"Version": "1.0-1", "Architecture": "amd64", "Priority": "optional",
			"Filename": "pool/" + name + "_" + suite + ".deb", "Size": fmt.Sprint(len(deb)), "SHA256": sum(deb)}
		maps.Copy(f, s.fields)
		for _, k := range slices.Sorted(maps.Keys(f)) {
			fmt.Fprintf(&index, "%s: %s\n", k, f[k])
		}
		index.WriteString("Description: a package\n folded\n\n")
		a.files[root+"/"+f["Filename"]] = deb
	}
	packages := a.pack("xz", []byte(index.String()))
	a.files[root+"/dists/"+suite+"/main/binary-amd64/Packages.xz"] = packages
	f := map[string]string{"Suite": "stable", "Codename": suite, "Date": today.Add(-time.Hour).Format(time.RFC1123),
		"SHA256": fmt.Sprintf("\n %s %d main/binary-amd64/Packages.xz", sum(packages), len(packages))}
	maps.Copy(f, release)
	var text strings.Builder
	for _, k := range slices.Sorted(maps.Keys(f)) {
		if f[k] != "" {
			fmt.Fprintf(&text, "%s: %s\n", k, f[k])
		}
	}
	a.files[root+"/dists/"+suite+"/InRelease"] = a.sign([]byte(text.String()))
}

func (a *archive) sign(text []byte) []byte {
	var out bytes.Buffer
	w, err := clearsign.Encode(&out, a.key.PrivateKey, &packet.Config{Time: func() time.Time { return today.Add(-time.Hour) }})
	if err == nil {
		_, err = w.Write(text)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		a.t.Fatal(err)
	}
	return out.Bytes()
}

// keyFile writes the archive's public key to a file.
func (a *archive) keyFile() string {
	var b bytes.Buffer
	if err := a.key.Serialize(&b); err != nil {
		a.t.Fatal(err)
	}
	p := filepath.Join(a.t.TempDir(), "key.gpg")
	if err := os.WriteFile(p, b.Bytes(), 0o600); err != nil {
		a.t.Fatal(err)
	}
	return p
}

func (a *archive) deb(s debSpec) []byte {
	var data bytes.Buffer
	tw := tar.NewWriter(&data)
	for _, name := range slices.Sorted(maps.Keys(s.files)) {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o755, Size: int64(len(s.files[name])), ModTime: built.Add(-time.Hour)}
		if err := tw.WriteHeader(h); err != nil {
			a.t.Fatal(err)
		}
		io.WriteString(tw, s.files[name])
	}
	tw.Close()
	if s.pack == "" {
		s.pack = "xz"
	}
	return arOf(member{"debian-binary", []byte("2.0\n")}, member{"control.tar.xz", []byte(s.fields["Package"] + s.fields["Version"])},
		member{"data.tar." + s.pack, a.pack(s.pack, data.Bytes())})
}

func (a *archive) pack(how string, raw []byte) []byte {
	var b bytes.Buffer
	var w io.WriteCloser
	var err error
	switch how {
	case "xz":
		w, err = xz.NewWriter(&b)
	case "zst":
		w, err = zstd.NewWriter(&b)
	default:
		w = gzip.NewWriter(&b)
	}
	if err == nil {
		_, err = w.Write(raw)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		a.t.Fatal(err)
	}
	return b.Bytes()
}

type member struct {
	name string
	body []byte
}

func arOf(members ...member) []byte {
	b := bytes.NewBufferString(arMagic)
	for _, m := range members {
		fmt.Fprintf(b, "%-16s%-12d%-6d%-6d%-8s%-10d`\n", m.name, built.Unix(), 0, 0, "100644", len(m.body))
		b.Write(m.body)
		if len(m.body)%2 == 1 {
			b.WriteByte('\n')
		}
	}
	return b.Bytes()
}

func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// asks returns how often paths that contain part were requested.
func (a *archive) asks(part string) (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, p := range a.asked {
		if strings.Contains(p, part) {
			n++
		}
	}
	return n
}

// request returns a request for the archive, with the clock at today and no pause between retries.
func (a *archive) request(change func(*Request)) (*Layout, []string, error) {
	var said []string
	req := Request{Ref: "debian://trixie", Arch: "amd64", Mirror: a.srv.URL + "/debian", Keyring: a.keyFile(), CacheDir: a.t.TempDir()}
	req.Progress = func(s string) { said = append(said, s) }
	if change != nil {
		change(&req)
	}
	l, err := a.resolve(req, copyRunner)
	return l, said, err
}

func (a *archive) resolve(req Request, run Runner) (*Layout, error) {
	d, err := newDebianOn(req, os.DirFS(a.t.TempDir()))
	if err != nil {
		return nil, err
	}
	d.now, d.pause = func() time.Time { return today }, time.Millisecond
	return d.resolve(a.t.Context(), run)
}

// copyRunner returns the first stage's files unchanged.
func copyRunner(_ context.Context, s Stage, out io.Writer) error {
	return layerOf(s.Layout, func(r io.Reader) error {
		_, err := io.Copy(out, r)
		return err
	})
}

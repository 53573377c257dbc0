// Package debian is a Debian archive on loopback for tests: the packages of a base that was made on this machine, and one of its own
// that moves. It is signed by a key of its own, and keeps snapshots of what it was.
package debian

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"

	"github.com/nixpacks-cue/nixpacks/testdata/company"
)

// Form is how snapshots are named.
const Form = "20060102T150405Z"

// Archive is the archive. Below /debian it is what it is now, below /snapshot/debian/DATE what it was then; its security updates are
// below /debian-security and /snapshot/debian-security/DATE.
type Archive struct {
	*httptest.Server
	arch  string
	key   *openpgp.Entity
	base  []byte            // paragraphs of Packages
	files map[string]string // addresses by path

	mu    sync.Mutex
	asked []string
	own   []published
}

// published is the package of the archive's own in a version, since a date.
type published struct {
	since   string
	version string
	deb     []byte
}

// Start starts an archive for an architecture that Debian and Go name alike, with the packages of the newest base below a cache directory.
func Start(cache, arch string) (*Archive, error) {
	base, err := readBase(cache, arch)
	if err != nil {
		return nil, err
	}
	key, err := openpgp.NewEntity("archive", "", "archive@example.org", nil)
	if err != nil {
		return nil, err
	}
	a := &Archive{arch: arch, key: key, base: base.paragraphs, files: base.files}
	a.Server = httptest.NewServer(a)
	return a, nil
}

// Key is the key that signs the archive.
func (a *Archive) Key() []byte {
	var b bytes.Buffer
	_ = a.key.Serialize(&b) // into memory
	return b.Bytes()
}

// Publish has the archive have its own package, moving, in a version from now on.
func (a *Archive) Publish(version string) {
	control := "Package: moving\nVersion: " + version + "\nArchitecture: all\nMaintainer: Canary <canary@registry.test>\nDescription: a package that moves\n"
	a.mu.Lock()
	defer a.mu.Unlock()
	a.own = append(a.own, published{time.Now().UTC().Format(Form), version, company.Deb(control, "/usr/share/moving", version+"\n")})
}

// Asked are the paths that were asked for since the last call.
func (a *Archive) Asked() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := a.asked
	a.asked = nil
	return out
}

// ServeHTTP answers for the archive.
func (a *Archive) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	a.asked = append(a.asked, r.URL.Path)
	at, own := "9", a.own
	a.mu.Unlock()
	path := r.URL.Path
	if rest, ok := strings.CutPrefix(path, "/snapshot/"); ok {
		words := strings.SplitN(rest, "/", 3)
		if len(words) < 3 {
			http.NotFound(w, r)
			return
		}
		at, path = words[1], "/"+words[0]+"/"+words[2]
	}
	var then published
	for _, p := range own {
		if p.since <= at {
			then = p
		}
	}
	security := strings.HasPrefix(path, "/debian-security/")
	_, path, _ = strings.Cut(strings.TrimPrefix(path, "/"), "/")
	packages := a.packages(then)
	switch suite := map[bool]string{false: "trixie", true: "trixie-security"}[security]; {
	case path == "dists/"+suite+"/InRelease" && security:
		w.Write(a.release(suite, nil, time.Now().Add(-time.Hour)))
	case path == "dists/"+suite+"/InRelease":
		w.Write(a.release(suite, packages, time.Time{}))
	case path == "dists/trixie/main/binary-"+a.arch+"/Packages" && !security:
		w.Write(packages)
	case path == "dists/trixie-security/main/binary-"+a.arch+"/Packages" && security: // has none
	case path == "pool/moving.deb":
		w.Write(then.deb)
	case a.files[path] != "":
		a.file(w, r, a.files[path])
	default:
		http.NotFound(w, r)
	}
}

// packages is the list of the archive's packages.
func (a *Archive) packages(own published) []byte {
	return fmt.Appendf(bytes.Clone(a.base), "Package: moving\nVersion: %s\nArchitecture: all\nFilename: pool/moving.deb\nSize: %d\nSHA256: %x\nDescription: a package that moves\n\n",
		own.version, len(own.deb), sha256.Sum256(own.deb))
}

// release is the signed index of a suite with a list of packages; it is valid until a time, if that is one.
func (a *Archive) release(suite string, packages []byte, until time.Time) []byte {
	text := fmt.Sprintf("Origin: Canary\nSuite: %s\nCodename: %s\nDate: %s\nArchitectures: all %s\nComponents: main\n", suite, suite,
		time.Now().Add(-2*time.Hour).UTC().Format(time.RFC1123), a.arch)
	if !until.IsZero() {
		text += "Valid-Until: " + until.UTC().Format(time.RFC1123) + "\n"
	}
	text += fmt.Sprintf("SHA256:\n %x %d main/binary-%s/Packages\n", sha256.Sum256(packages), len(packages), a.arch)
	var out bytes.Buffer
	w, err := clearsign.Encode(&out, a.key.PrivateKey, nil)
	if err == nil {
		_, err = w.Write([]byte(text))
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		panic(err) // into memory, with a key that was just made
	}
	return out.Bytes()
}

package base

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

func TestBootstrap(t *testing.T) {
	a := newArchive(t)
	var stage map[string]string
	run := func(ctx context.Context, s Stage, out io.Writer) error {
		stage = contents(t, s.Layout)
		return copyRunner(ctx, s, out)
	}
	req := Request{Ref: "debian://trixie", Arch: "amd64", Mirror: a.srv.URL + "/debian/", Keyring: a.keyFile(), CacheDir: t.TempDir(),
		Progress: func(string) {}}
	l, err := a.resolve(req, run)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"bin":                                   "-> usr/bin",
		"lib64":                                 "-> usr/lib64",
		"usr/bin/update-passwd":                 "#!/bin/sh\n", // was in /bin
		"etc/profile":                           "PATH=/bin\n",
		"usr/share/doc/base-files/README":       "", // documentation
		"usr/bin/apt":                           "", // not essential: dpkg unpacks it
		".nixpacks-base/order":                  "base-files base-passwd mawk\napt ca-certificates libapt netbase passwd tzdata\n",
		"usr/sbin/policy-rc.d":                  "#!/bin/sh\nexit 101\n",
		"etc/apt/keyrings/archive.gpg":          stage["etc/apt/keyrings/archive.gpg"],
		"etc/apt/sources.list.d/debian.sources": "Types: deb\nURIs: " + a.srv.URL + "/debian\nSuites: trixie\nComponents: main\nSigned-By: /etc/apt/keyrings/archive.gpg\n",
	} {
		if stage[name] != want {
			t.Errorf("first stage, %s: %q, want %q", name, stage[name], want)
		}
	}
	if stage["etc/apt/keyrings/archive.gpg"] == "" || len(stage[".nixpacks-base/apt.deb"]) == 0 {
		t.Error("the first stage lacks the keys or a package")
	}
	final := contents(t, l)
	if final["etc/profile"] == "" || slices.ContainsFunc(slices.Collect(maps.Keys(final)), func(n string) bool { return strings.Contains(n, stageDir) }) {
		t.Errorf("the base has %v", slices.Sorted(maps.Keys(final)))
	}
	if len(l.Config.Env) != 1 || l.Platform.Architecture != "amd64" {
		t.Errorf("config %+v, platform %+v", l.Config, l.Platform)
	}
	if left, _ := os.ReadDir(filepath.Join(req.CacheDir, tmpDir)); len(left) != 0 {
		t.Errorf("left in the cache: %v", left)
	}
}

// A base in the cache is used without a look at the network; Refresh looks, and makes only what is new.
func TestCached(t *testing.T) {
	a := newArchive(t)
	runs := 0
	run := func(ctx context.Context, s Stage, out io.Writer) error { runs++; return copyRunner(ctx, s, out) }
	req := Request{Ref: "debian://trixie", Arch: "amd64", Mirror: a.srv.URL + "/debian", Keyring: a.keyFile(), CacheDir: t.TempDir(),
		Progress: func(string) {}}
	get := func(change func(*Request)) *Layout {
		t.Helper()
		r := req
		if change != nil {
			change(&r)
		}
		l, err := a.resolve(r, run)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	first := get(nil)
	asked := len(a.asked)
	if again := get(func(r *Request) { r.Offline = true }); again.Digest != first.Digest || len(a.asked) != asked || runs != 1 {
		t.Errorf("from the cache: %s, %d requests, %d runs", again.Digest, len(a.asked)-asked, runs)
	}
	if same := get(func(r *Request) { r.Refresh = true }); same.Dir != first.Dir || runs != 1 || a.asks("InRelease") < 2 {
		t.Errorf("refreshed, nothing new: %s, %d runs", same.Dir, runs)
	}
	newer := basics()
	newer[4].fields["Version"] = "1.3-1"
	a.suite("debian", "trixie", nil, newer...)
	if l := get(func(r *Request) { r.Refresh = true }); l.Dir == first.Dir || runs != 2 || a.asks("pool/apt_") != 1 {
		t.Errorf("refreshed, a new version: %s, %d runs, apt downloaded %d times", l.Dir, runs, a.asks("pool/apt_"))
	}
	if l := get(nil); l.Dir == first.Dir {
		t.Error("the new base did not take the place of the old")
	}
	if _, err := os.Stat(first.Dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the old base is still there: %v", err)
	}
}

// Two requests may get the same base: it stays for the one when the other gets a newer one.
func TestShared(t *testing.T) {
	a := newArchive(t)
	one := Request{Ref: "debian://trixie", Arch: "amd64", Mirror: a.srv.URL + "/debian", Keyring: a.keyFile(), CacheDir: t.TempDir(),
		Progress: func(string) {}}
	two := one
	two.Ref = "debian://stable"
	get := func(r Request) *Layout {
		t.Helper()
		l, err := a.resolve(r, copyRunner)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	a.files["debian/dists/stable/InRelease"] = a.files["debian/dists/trixie/InRelease"]
	a.files["debian/dists/stable/main/binary-amd64/Packages.xz"] = a.files["debian/dists/trixie/main/binary-amd64/Packages.xz"]
	first := get(one)
	if other := get(two); other.Dir != first.Dir {
		t.Errorf("stable is %s, trixie is %s", other.Dir, first.Dir)
	}
	newer := basics()
	newer[4].fields["Version"] = "1.3-1"
	a.suite("debian", "trixie", nil, newer...)
	one.Refresh = true
	if l := get(one); l.Dir == first.Dir {
		t.Error("trixie was not refreshed")
	}
	if other := get(two); other.Dir != first.Dir {
		t.Error("stable lost its base")
	}
}

// Downloads that were not used for a month go, and a base of that age is said to be old.
func TestOld(t *testing.T) {
	a := newArchive(t)
	var said []string
	req := Request{Ref: "debian://trixie", Arch: "amd64", Mirror: a.srv.URL + "/debian", Keyring: a.keyFile(), CacheDir: t.TempDir()}
	req.Progress = func(s string) { said = append(said, s) }
	old := []string{filepath.Join(req.CacheDir, downloadsDir, "old"), filepath.Join(req.CacheDir, tmpDir, "killed")}
	for _, f := range old {
		then := today.Add(-31 * 24 * time.Hour)
		if err := errors.Join(os.MkdirAll(filepath.Dir(f), 0o700), os.WriteFile(f, nil, 0o600), os.Chtimes(f, then, then)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := a.resolve(req, copyRunner); err != nil {
		t.Fatal(err)
	}
	for _, f := range old {
		if _, err := os.Stat(f); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is still there: %v", f, err)
		}
	}
	d, err := newDebianOn(req, os.DirFS(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	said = nil
	d.now = func() time.Time { return today.Add(40*24*time.Hour + time.Hour) }
	if _, err := d.resolve(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(said, []string{"debian://trixie was made 40 days ago; --pull looks for newer packages"}) {
		t.Errorf("said %q", said)
	}
}

// A cache that lost or damaged what it had makes it again.
func TestCacheDamaged(t *testing.T) {
	a := newArchive(t)
	req := Request{Ref: "debian://trixie", Arch: "amd64", Mirror: a.srv.URL + "/debian", Keyring: a.keyFile(), CacheDir: t.TempDir(),
		Progress: func(string) {}}
	l, err := a.resolve(req, copyRunner)
	if err != nil {
		t.Fatal(err)
	}
	for name, damage := range map[string]func() error{
		"index": func() error { return os.Remove(filepath.Join(l.Dir, "index.json")) },
		"manifest": func() error {
			return os.WriteFile(filepath.Join(l.Dir, "blobs/sha256", l.Digest.Encoded()), []byte("{}"), 0o600)
		},
		"download": func() error {
			files, err := filepath.Glob(filepath.Join(req.CacheDir, downloadsDir, "*"))
			for _, f := range files {
				err = errors.Join(err, os.WriteFile(f, []byte("half"), 0o600))
			}
			return errors.Join(err, os.RemoveAll(l.Dir))
		},
		"leftovers": func() error {
			d := filepath.Join(req.CacheDir, tmpDir, filepath.Base(firstMatch(t, req.CacheDir, namesDir, "*.json")))
			return errors.Join(os.MkdirAll(strings.TrimSuffix(d, ".json")+"/layout/blobs", 0o700), os.RemoveAll(l.Dir))
		},
	} {
		if err := damage(); err != nil {
			t.Fatal(err)
		}
		again, err := a.resolve(req, copyRunner)
		if err != nil || again.Digest != l.Digest {
			t.Errorf("%s: %v, %v", name, again, err)
		}
	}
}

func firstMatch(t *testing.T, elem ...string) string {
	t.Helper()
	m, err := filepath.Glob(filepath.Join(elem...))
	if err != nil || len(m) == 0 {
		t.Fatalf("nothing is at %v", elem)
	}
	return m[0]
}

// Two that want the same base at the same time make it once.
func TestAtTheSameTime(t *testing.T) {
	a := newArchive(t)
	var runs atomic.Int32
	var waited atomic.Bool
	begun := make(chan struct{})
	run := func(ctx context.Context, s Stage, out io.Writer) error {
		runs.Add(1)
		<-begun
		return copyRunner(ctx, s, out)
	}
	req := Request{Ref: "debian://trixie", Arch: "amd64", Mirror: a.srv.URL + "/debian", Keyring: a.keyFile(), CacheDir: t.TempDir()}
	req.Progress = func(s string) {
		if strings.HasPrefix(s, "waiting") {
			waited.Store(true)
			close(begun)
		}
	}
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			if _, err := a.resolve(req, run); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if runs.Load() != 1 || !waited.Load() {
		t.Errorf("%d runs, waited: %v", runs.Load(), waited.Load())
	}
}

// Updates and security updates are taken where the archive has them, each package in its newest version.
func TestUpdates(t *testing.T) {
	a := newArchive(t)
	lib := func(version string) debSpec {
		return debSpec{fields: map[string]string{"Package": "libapt", "Version": version}}
	}
	a.suite("debian", "trixie-updates", nil, lib("1.2-3~bpo1")) // older
	a.suite("debian-security", "trixie-security", nil, lib("1.2-3+deb13u1"))
	l, said, err := a.request(nil)
	if err != nil {
		t.Fatal(err)
	}
	if a.asks("pool/libapt_trixie-security.deb") != 1 || a.asks("pool/libapt_") != 1 {
		t.Errorf("asked for %v", a.asked)
	}
	got := contents(t, l)["etc/apt/sources.list.d/debian.sources"]
	if strings.Count(got, "Types: deb") != 3 || !strings.Contains(got, "/debian-security\nSuites: trixie-security\n") {
		t.Errorf("apt's sources:\n%s", got)
	}
	if len(said) == 0 || slices.ContainsFunc(said, func(s string) bool { return strings.Contains(s, "no updates") }) {
		t.Errorf("said %q", said)
	}
}

// A mirror whose updates are too old to be trusted is used without them, and that is said.
func TestExpiredUpdates(t *testing.T) {
	a := newArchive(t)
	a.suite("debian-security", "trixie-security", map[string]string{"Valid-Until": today.Add(-time.Hour).Format(time.RFC1123)},
		debSpec{fields: map[string]string{"Package": "libapt", "Version": "9"}})
	l, said, err := a.request(nil)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(contents(t, l)["etc/apt/sources.list.d/debian.sources"], "security") || a.asks("libapt_trixie-security") != 0 {
		t.Error("the expired index was used")
	}
	if !slices.ContainsFunc(said, func(s string) bool { return strings.HasPrefix(s, "trixie-security is left out: ") }) {
		t.Errorf("said %q", said)
	}
}

func TestFaults(t *testing.T) {
	status := func(code int, part string) func(*archive, *Request) {
		return func(a *archive, _ *Request) {
			a.answer = func(w http.ResponseWriter, p string) bool {
				if strings.Contains(p, part) {
					w.WriteHeader(code)
				}
				return strings.Contains(p, part)
			}
		}
	}
	release := func(fields map[string]string) func(*archive, *Request) {
		return func(a *archive, _ *Request) { a.suite("debian", "trixie", fields, basics()...) }
	}
	specs := func(change func([]debSpec)) func(*archive, *Request) {
		return func(a *archive, _ *Request) {
			s := basics()
			change(s)
			a.suite("debian", "trixie", nil, s...)
		}
	}
	for _, c := range []struct {
		name  string
		setup func(*archive, *Request)
		code  fault.Code
		msg   string // with MIRROR for the server's address
	}{
		{"no suite", func(_ *archive, r *Request) { r.Ref = "debian://trixxie" }, fault.Refused, `the mirror MIRROR/debian has no suite "trixxie"`},
		{"not a suite", func(_ *archive, r *Request) { r.Ref = "debian://../etc" }, fault.Usage, `"debian://../etc" names no suite of Debian`},
		{"not a mirror", func(_ *archive, r *Request) { r.Mirror = "ftp://x" }, fault.Usage, `"ftp://x" is no address of a Debian mirror`},
		{"no mirror", func(_ *archive, r *Request) { r.Mirror = "" }, fault.Refused, "this machine's apt sources name no Debian archive that has trixie"},
		{"no keyring", func(_ *archive, r *Request) { r.Keyring = "/nowhere" }, fault.Usage, "cannot read the keyring /nowhere: open /nowhere: no such file or directory"},
		{"offline", func(_ *archive, r *Request) { r.Offline = true }, fault.TryAgain, "debian://trixie (bare) is not in the cache, and it may not be made offline"},
		{"other key", func(_ *archive, r *Request) { r.Keyring = "" }, fault.Refused, "MIRROR/debian/dists/trixie/InRelease is not signed by a key of Debian's archive keyring: "},
		{"changed index", func(a *archive, _ *Request) {
			p := "debian/dists/trixie/InRelease"
			a.files[p] = []byte(strings.Replace(string(a.files[p]), "Codename: trixie", "Codename: trixif", 1))
		}, fault.Refused, "MIRROR/debian/dists/trixie/InRelease is not signed by a key of "},
		{"no index", func(a *archive, _ *Request) { a.files["debian/dists/trixie/InRelease"] = []byte("<html>log in</html>") },
			fault.Refused, "MIRROR/debian/dists/trixie/InRelease is not signed by a key of "},
		{"other suite", release(map[string]string{"Codename": "bookworm", "Suite": "oldstable"}), fault.Refused,
			"MIRROR/debian/dists/trixie/InRelease is the index of bookworm (oldstable), not of trixie"},
		{"expired", release(map[string]string{"Valid-Until": "Sun, 01 Mar 2026 11:59:59 UTC"}), fault.Refused,
			"MIRROR/debian/dists/trixie/InRelease was valid until Sun, 01 Mar 2026 11:59:59 UTC only: past its Valid-Until"},
		{"future", release(map[string]string{"Date": "Tue, 03 Mar 2026 00:00:00 UTC"}), fault.Refused,
			"MIRROR/debian/dists/trixie/InRelease is dated Tue, 03 Mar 2026 00:00:00 UTC, which is in the future"},
		{"no date", release(map[string]string{"Date": ""}), fault.Refused, `MIRROR/debian/dists/trixie/InRelease has no date that can be read: ""`},
		{"other arch", func(_ *archive, r *Request) { r.Arch = "s390x" }, fault.Refused, "MIRROR/debian trixie has no packages for the architecture s390x"},
		{"changed list", func(a *archive, _ *Request) { a.files["debian/dists/trixie/main/binary-amd64/Packages.xz"][20] ^= 1 }, fault.Refused,
			"MIRROR/debian/dists/trixie/main/binary-amd64/Packages.xz is not the file that the signed index names"},
		{"changed package", func(a *archive, _ *Request) { a.files["debian/pool/apt_trixie.deb"][99] ^= 1 }, fault.Refused,
			"MIRROR/debian/pool/apt_trixie.deb is not the file that the signed index names"},
		{"short package", func(a *archive, _ *Request) { a.files["debian/pool/apt_trixie.deb"] = []byte("x") }, fault.Refused,
			"MIRROR/debian/pool/apt_trixie.deb is not the file that the signed index names"},
		{"package gone", status(404, "pool/apt_"), fault.TryAgain, "MIRROR/debian/pool/apt_trixie.deb is missing from the mirror"},
		{"server down", status(503, "InRelease"), fault.TryAgain, "cannot download MIRROR/debian/dists/trixie/InRelease: HTTP status 503 Service Unavailable"},
		{"not allowed", status(403, "InRelease"), fault.TryAgain, "cannot download MIRROR/debian/dists/trixie/InRelease: HTTP status 403 Forbidden"},
		{"no answer", func(a *archive, _ *Request) { a.srv.Close() }, fault.TryAgain, "cannot download MIRROR/debian/dists/trixie/InRelease: dial tcp "},
		{"lacks a dependency", specs(func(s []debSpec) { s[3].fields["Depends"] = "libapt (>= 2), x | y" }), fault.Refused,
			"the Debian package apt cannot be installed: it depends on libapt (>= 2), which this archive does not have"},
		{"conflict", specs(func(s []debSpec) { s[4].fields["Breaks"] = "apt (<< 2)" }), fault.Refused, "the Debian packages libapt 1.2-3 and apt 1.0-1 conflict"},
		{"lacks a package", specs(func(s []debSpec) { s[5].fields["Package"] = "other" }), fault.Refused, "the Debian archive has no package ca-certificates for amd64"},
		{"escape", specs(func(s []debSpec) { s[0].files["../etc/passwd"] = "root" }), fault.Refused,
			`the Debian package base-files 1.0-1 cannot be unpacked: it holds the path "../etc/passwd"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := newArchive(t)
			_, _, err := a.request(func(r *Request) { c.setup(a, r) })
			got := "none"
			if err != nil {
				got = strings.ReplaceAll(err.Error(), a.srv.URL, "MIRROR")
			}
			if fault.CodeOf(err) != c.code || !strings.HasPrefix(got, c.msg) {
				t.Errorf("code %d, %s", fault.CodeOf(err), got)
			}
		})
	}
}

// An error of the second stage, before or after it wrote, is the error; nothing of it stays.
func TestSecondStageFails(t *testing.T) {
	a := newArchive(t)
	failed := fault.New(fault.BuildFailed, "dpkg failed")
	for name, run := range map[string]Runner{
		"before": func(context.Context, Stage, io.Writer) error { return failed },
		"after": func(ctx context.Context, s Stage, out io.Writer) error {
			return errors.Join(copyRunner(ctx, s, out), failed)
		},
	} {
		req := Request{Ref: "debian://trixie", Arch: "amd64", Mirror: a.srv.URL + "/debian", Keyring: a.keyFile(), CacheDir: t.TempDir(),
			Progress: func(string) {}}
		if _, err := a.resolve(req, run); !errors.Is(err, failed) {
			t.Errorf("%s: %v", name, err)
		}
		for _, d := range []string{basesDir, namesDir, tmpDir} {
			if left, _ := os.ReadDir(filepath.Join(req.CacheDir, d)); len(left) != 0 {
				t.Errorf("%s: %s holds %v", name, d, left)
			}
		}
	}
}

// A mirror that fails now and then is asked again.
func TestRetries(t *testing.T) {
	a := newArchive(t)
	failed := map[string]bool{}
	a.answer = func(w http.ResponseWriter, p string) bool {
		if failed[p] || !strings.Contains(p, "trixie") {
			return false
		}
		failed[p] = true
		switch {
		case strings.HasSuffix(p, "InRelease"):
			w.WriteHeader(http.StatusBadGateway)
		case strings.HasSuffix(p, "Packages.xz"): // cut short by a proxy
			w.Write(a.files[p][:10])
		default: // the connection breaks
			w.Header().Set("Content-Length", "1000000")
			w.Write([]byte("!<arch>"))
		}
		return true
	}
	if _, _, err := a.request(nil); err != nil {
		t.Fatal(err)
	}
	if len(failed) < 5 {
		t.Errorf("only %d failures", len(failed))
	}
}

func TestCanceled(t *testing.T) {
	a := newArchive(t)
	ctx, cancel := context.WithCancel(t.Context())
	a.answer = func(http.ResponseWriter, string) bool { cancel(); return false }
	d, err := newDebianOn(Request{Ref: "debian://trixie", Arch: "amd64", Mirror: a.srv.URL + "/debian", Keyring: a.keyFile(), CacheDir: t.TempDir(),
		Progress: func(string) {}}, os.DirFS(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	d.now = func() time.Time { return today }
	if _, err := d.resolve(ctx, copyRunner); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

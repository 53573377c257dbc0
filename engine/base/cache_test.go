package base

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A cached base is used without network access. Refresh reads the index and builds only if it is new.
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

// Two requests may share a base. It stays for one of them when the other gets a newer one.
func TestShared(t *testing.T) {
	a := newArchive(t)
	cache := filepath.Join(t.TempDir(), "[cache]") // also a glob pattern
	one := Request{Ref: "debian://trixie", Arch: "amd64", Mirror: a.srv.URL + "/debian", Keyring: a.keyFile(), CacheDir: cache,
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
	if _, err := os.Stat(first.Dir); err != nil {
		t.Errorf("stable lost its base: %v", err)
	}
	if other := get(two); other.Dir != first.Dir {
		t.Error("stable has another base")
	}
}

// Downloads unused for a month are deleted, and a base of that age is reported as old.
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
	if !slices.Equal(said, []string{"debian://trixie was made 40 days ago; --pull checks for newer packages"}) {
		t.Errorf("said %q", said)
	}
}

// A cache with missing or damaged files recreates them.
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

// Two concurrent requests for the same base build it once.
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

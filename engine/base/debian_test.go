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
		"usr/bin/update-passwd":                 "#!/bin/sh\n", // moved from /bin
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
	checkBase(t, l)
	if left, _ := os.ReadDir(filepath.Join(req.CacheDir, tmpDir)); len(left) != 0 {
		t.Errorf("left in the cache: %v", left)
	}
}

func checkBase(t *testing.T, l *Layout) {
	t.Helper()
	final := contents(t, l)
	if final["etc/profile"] == "" || slices.ContainsFunc(slices.Collect(maps.Keys(final)), func(n string) bool { return strings.Contains(n, stageDir) }) {
		t.Errorf("the base has %v", slices.Sorted(maps.Keys(final)))
	}
	if len(l.Config.Env) != 1 || l.Platform.Architecture != "amd64" {
		t.Errorf("config %+v, platform %+v", l.Config, l.Platform)
	}
}

// Updates and security updates are used if the archive has them, with the newest version of each package.
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

// Expired updates of a mirror are left out, with a message.
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
	if !slices.ContainsFunc(said, func(s string) bool { return strings.HasPrefix(s, "skipping trixie-security: ") }) {
		t.Errorf("said %q", said)
	}
}

// An error of the second stage is returned whether it occurs before or after writing, and leaves no files behind.
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

// Requests to a flaky mirror are retried, and only the bytes that are kept are counted.
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
		case strings.HasSuffix(p, "Packages.xz"): // truncated by a proxy
			w.Write(a.files[p][:10])
		default: // the connection breaks
			w.Header().Set("Content-Length", "1000000")
			w.Write([]byte("!<arch>"))
		}
		return true
	}
	counted, mu := map[string]int64{}, sync.Mutex{}
	var all int64
	if _, _, err := a.request(func(r *Request) {
		r.Count = func(what string, got, of int64) {
			mu.Lock()
			defer mu.Unlock()
			counted[what] = got // the last call need not have the latest count
			if all = of; got == of {
				counted["whole "+what]++
			}
		}
	}); err != nil {
		t.Fatal(err)
	}
	if counted["index"] == 0 || counted["whole packages"] != 1 || all == 0 {
		t.Errorf("counted %v of %d", counted, all)
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

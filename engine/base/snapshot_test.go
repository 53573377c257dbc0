package base

import (
	"slices"
	"strings"
	"testing"
)

// A snapshot mirror serves the archive as of a date, with its security updates, even after its indexes expire.
func TestSnapshot(t *testing.T) {
	a := newArchive(t)
	old := map[string]string{"Date": "Sun, 01 Feb 2026 00:00:00 UTC", "Valid-Until": "Mon, 02 Feb 2026 00:00:00 UTC"}
	lib := debSpec{fields: map[string]string{"Package": "libapt", "Version": "1.2-3+deb13u1"}}
	for _, date := range []string{"20260201T000000Z", today.Format(DateForm)} {
		a.suite("archive/debian/"+date, "trixie", nil, basics()...)
		a.suite("archive/debian-security/"+date, "trixie-security", old, lib)
	}
	cache, key := t.TempDir(), a.keyFile()
	ask := func(date string) (Request, string) {
		var asked Request
		l, _, err := a.request(func(r *Request) {
			r.Mirror, r.Date, r.CacheDir = a.srv.URL+"/archive/debian/{date}/", date, cache
			r.Keyring = key
			asked = *r
		})
		if err != nil {
			t.Fatal(err)
		}
		return asked, contents(t, l)["etc/apt/sources.list.d/debian.sources"]
	}
	req, sources := ask("20260201T000000Z")
	if strings.Count(sources, "Types: deb") != 2 || strings.Count(sources, "Check-Valid-Until: no") != 2 ||
		!strings.Contains(sources, "/archive/debian/20260201T000000Z\n") || !strings.Contains(sources, "/archive/debian-security/20260201T000000Z\n") {
		t.Errorf("apt's sources:\n%s", sources)
	}
	hash, date := PackagesOf(req)
	if hash == "" || date != "20260201T000000Z" {
		t.Errorf("%s of %s", hash, date)
	}
	asks := len(a.asked)
	if ask("20260201T000000Z"); len(a.asked) != asks {
		t.Errorf("asked again: %v", slices.Clone(a.asked[asks:]))
	}
	req, sources = ask("")
	if !strings.Contains(sources, "/archive/debian/20260301T120000Z\n") {
		t.Errorf("apt's sources:\n%s", sources)
	}
	if same, date := PackagesOf(req); same != hash || date != today.Format(DateForm) {
		t.Errorf("%s of %s, and %s", same, date, hash)
	}
}

package base

import (
	"net/http"
	"strings"
	"testing"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// status makes the server answer with a status for paths that contain part.
func status(code int, part string) func(*archive, *Request) {
	return func(a *archive, _ *Request) {
		a.answer = func(w http.ResponseWriter, p string) bool {
			if strings.Contains(p, part) {
				w.WriteHeader(code)
			}
			return strings.Contains(p, part)
		}
	}
}

func inRelease(fields map[string]string) func(*archive, *Request) {
	return func(a *archive, _ *Request) { a.suite("debian", "trixie", fields, basics()...) }
}

func basicsBut(change func([]debSpec)) func(*archive, *Request) {
	return func(a *archive, _ *Request) {
		s := basics()
		change(s)
		a.suite("debian", "trixie", nil, s...)
	}
}

// faultCases cover everything that can be wrong with a request or an archive. MIRROR stands for the server's address.
var faultCases = []struct {
	name  string
	setup func(*archive, *Request)
	code  fault.Code
	msg   string
}{
	{"no suite", func(_ *archive, r *Request) { r.Ref = "debian://trixxie" }, fault.Refused, `the mirror MIRROR/debian has no suite "trixxie"`},
	{"not a suite", func(_ *archive, r *Request) { r.Ref = "debian://../etc" }, fault.Usage, `"debian://../etc" is not a Debian suite`},
	{"not a mirror", func(_ *archive, r *Request) { r.Mirror = "ftp://x" }, fault.Usage, `"ftp://x" is not the address of a Debian mirror`},
	{"no mirror", func(_ *archive, r *Request) { r.Mirror = "" }, fault.Refused, "no Debian archive in this machine's apt sources has trixie"},
	{"no keyring", func(_ *archive, r *Request) { r.Keyring = "/nowhere" }, fault.Usage, "cannot read the keyring /nowhere: open /nowhere: no such file or directory"},
	{"offline", func(_ *archive, r *Request) { r.Offline = true }, fault.TryAgain, "debian://trixie (bare) is not in the cache, and cannot be made offline"},
	{"other key", func(_ *archive, r *Request) { r.Keyring = "" }, fault.Refused, "MIRROR/debian/dists/trixie/InRelease is not signed by a key of Debian's archive keyring: "},
	{"changed index", func(a *archive, _ *Request) {
		p := "debian/dists/trixie/InRelease"
		a.files[p] = []byte(strings.Replace(string(a.files[p]), "Codename: trixie", "Codename: trixif", 1))
	}, fault.Refused, "MIRROR/debian/dists/trixie/InRelease is not signed by a key of "},
	{"no index", func(a *archive, _ *Request) { a.files["debian/dists/trixie/InRelease"] = []byte("<html>log in</html>") },
		fault.Refused, "MIRROR/debian/dists/trixie/InRelease is not signed by a key of "},
	{"other suite", inRelease(map[string]string{"Codename": "bookworm", "Suite": "oldstable"}), fault.Refused,
		"MIRROR/debian/dists/trixie/InRelease is the index of bookworm (oldstable), not of trixie"},
	{"expired", inRelease(map[string]string{"Valid-Until": "Sun, 01 Mar 2026 11:59:59 UTC"}), fault.Refused,
		"MIRROR/debian/dists/trixie/InRelease expired on Sun, 01 Mar 2026 11:59:59 UTC: past its Valid-Until"},
	{"future", inRelease(map[string]string{"Date": "Tue, 03 Mar 2026 00:00:00 UTC"}), fault.Refused,
		"MIRROR/debian/dists/trixie/InRelease is dated Tue, 03 Mar 2026 00:00:00 UTC, which is in the future"},
	{"no date", inRelease(map[string]string{"Date": ""}), fault.Refused, `MIRROR/debian/dists/trixie/InRelease has an invalid date: ""`},
	{"other arch", func(_ *archive, r *Request) { r.Arch = "s390x" }, fault.Refused, "MIRROR/debian trixie has no packages for the architecture s390x"},
	{"changed list", func(a *archive, _ *Request) { a.files["debian/dists/trixie/main/binary-amd64/Packages.xz"][20] ^= 1 }, fault.Refused,
		"MIRROR/debian/dists/trixie/main/binary-amd64/Packages.xz does not match the signed index"},
	{"changed package", func(a *archive, _ *Request) { a.files["debian/pool/apt_trixie.deb"][99] ^= 1 }, fault.Refused,
		"MIRROR/debian/pool/apt_trixie.deb does not match the signed index"},
	{"short package", func(a *archive, _ *Request) { a.files["debian/pool/apt_trixie.deb"] = []byte("x") }, fault.Refused,
		"MIRROR/debian/pool/apt_trixie.deb does not match the signed index"},
	{"package gone", status(404, "pool/apt_"), fault.TryAgain, "MIRROR/debian/pool/apt_trixie.deb is missing from the mirror"},
	{"server down", status(503, "InRelease"), fault.TryAgain, "cannot download MIRROR/debian/dists/trixie/InRelease: HTTP status 503 Service Unavailable"},
	{"not allowed", status(403, "InRelease"), fault.TryAgain, "cannot download MIRROR/debian/dists/trixie/InRelease: HTTP status 403 Forbidden"},
	{"no answer", func(a *archive, _ *Request) { a.srv.Close() }, fault.TryAgain, "cannot download MIRROR/debian/dists/trixie/InRelease: dial tcp "},
	{"lacks a dependency", basicsBut(func(s []debSpec) { s[3].fields["Depends"] = "libapt (>= 2), x | y" }), fault.Refused,
		"the Debian package apt cannot be installed: it depends on libapt (>= 2), which this archive does not have"},
	{"conflict", basicsBut(func(s []debSpec) { s[4].fields["Breaks"] = "apt (<< 2)" }), fault.Refused, "the Debian packages libapt 1.2-3 and apt 1.0-1 conflict"},
	{"lacks a package", basicsBut(func(s []debSpec) { s[5].fields["Package"] = "other" }), fault.Refused, "the Debian archive has no package ca-certificates for amd64"},
	{"escape", basicsBut(func(s []debSpec) { s[0].files["../etc/passwd"] = "root" }), fault.Refused,
		`the Debian package base-files 1.0-1 cannot be unpacked: it contains the path "../etc/passwd"`},
}

func TestFaults(t *testing.T) {
	for _, c := range faultCases {
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

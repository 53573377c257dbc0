package base

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

const oneLine = `# deb http://a/debian sid main
deb http://one/debian bookworm main contrib # ours
deb	http://tabs/debian bookworm main
deb [arch=amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg check-valid-until=no] https://two/debian/ trixie main
deb-src http://three/debian trixie main
deb cdrom:[Debian]/ trixie main
deb http://four/ubuntu noble universe
deb http://five
`

const deb822 = `# a comment
Types: deb deb-src
URIs: http://six/debian
  https://seven/debian/
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://eight/debian
Suites: trixie
Components: main
Enabled: no

Types: deb
URIs: http://nine/debian-security
Suites: bookworm-security
Components: main
Check-Valid-Until: no
`

func TestHostSources(t *testing.T) {
	root := fstest.MapFS{
		"etc/apt/sources.list":                  {Data: []byte(oneLine)},
		"etc/apt/sources.list.d/debian.sources": {Data: []byte(deb822)},
		"etc/apt/sources.list.d/old.list.save":  {Data: []byte("deb http://ten/debian trixie main\n")},
		"etc/apt/sources.list.d/broken.sources": {Data: []byte("Types: deb\nno field\n")},
	}
	keyring := "/usr/share/keyrings/debian-archive-keyring.gpg"
	want := []aptSource{
		{URI: "http://one/debian", Suites: []string{"bookworm"}, Components: []string{"main", "contrib"}},
		{URI: "http://tabs/debian", Suites: []string{"bookworm"}, Components: []string{"main"}},
		{URI: "https://two/debian", Suites: []string{"trixie"}, Components: []string{"main"}, SignedBy: keyring, AnyAge: true},
		{URI: "http://six/debian", Suites: []string{"bookworm", "bookworm-updates"}, Components: []string{"main"}, SignedBy: keyring},
		{URI: "https://seven/debian", Suites: []string{"bookworm", "bookworm-updates"}, Components: []string{"main"}, SignedBy: keyring},
		{URI: "http://nine/debian-security", Suites: []string{"bookworm-security"}, Components: []string{"main"}, AnyAge: true},
	}
	got := hostSources(root)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	var order []string
	for _, s := range mainSources(got, "trixie") {
		order = append(order, s.URI)
	}
	if strings.Join(order, " ") != "https://two/debian http://six/debian https://seven/debian http://one/debian http://tabs/debian" {
		t.Errorf("trixie is looked for at %v", order)
	}
	security := securitySources(got, source{URI: "http://one/debian-security", Suite: "trixie"}, "trixie-security")
	if len(security) != 2 || security[0] != (source{"http://nine/debian-security", "trixie-security", true}) ||
		security[1].URI != "http://one/debian-security" {
		t.Errorf("its security updates at %v", security)
	}
}

// hostWith returns a root directory with the given apt sources.
func hostWith(t *testing.T, sources string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "etc/apt"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "etc/apt/sources.list"), []byte(sources), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// The host's archives are tried in turn. Those without the suite or with another signing key are skipped.
func TestHostMirror(t *testing.T) {
	a := newArchive(t)
	other := newArchive(t) // has the suite, signed by a key that is not Debian's
	host := hostWith(t, "deb "+a.srv.URL+"/vendor noble main\ndeb "+other.srv.URL+"/debian bookworm main\ndeb "+a.srv.URL+"/debian bookworm main\n")
	d, err := newDebianOn(Request{Ref: "debian://trixie", Arch: "amd64", Keyring: a.keyFile(), CacheDir: t.TempDir(),
		Progress: func(string) {}}, os.DirFS(host))
	if err != nil {
		t.Fatal(err)
	}
	d.now, d.pause = func() time.Time { return today }, time.Millisecond
	l, err := d.resolve(t.Context(), copyRunner)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(contents(t, l)["etc/apt/sources.list.d/debian.sources"], a.srv.URL+"/debian\n") {
		t.Error("the base was made from another archive")
	}
}

// If none of the host's archives is usable, the fault lists the answer of each.
func TestNoHostMirror(t *testing.T) {
	a := newArchive(t)
	host := hostWith(t, "deb "+a.srv.URL+"/ubuntu noble main\ndeb "+a.srv.URL+"/debian bookworm main\n")
	d, err := newDebianOn(Request{Ref: "debian://trixie", Arch: "amd64", CacheDir: t.TempDir(), Progress: func(string) {}}, os.DirFS(host))
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.resolve(t.Context(), copyRunner)
	fs := fault.All(err)
	if len(fs) != 1 || fs[0].Code != fault.Refused || !strings.Contains(fs[0].Hint, "--debian-mirror URL") ||
		!strings.Contains(fs[0].Detail, `/ubuntu has no suite "trixie"`) || !strings.Contains(fs[0].Detail, "/debian/dists/trixie/InRelease is not signed") {
		t.Errorf("%+v", fs)
	}
}

// If the host's archive has the suite but is out of date, the fault says so.
func TestExpiredHostMirror(t *testing.T) {
	a := newArchive(t)
	a.suite("debian", "trixie", map[string]string{"Valid-Until": today.Add(-time.Hour).Format(time.RFC1123)}, basics()...)
	resolve := func(options string) error {
		host := hostWith(t, "deb "+options+" "+a.srv.URL+"/debian trixie main\ndeb "+a.srv.URL+"/other trixie main\n")
		d, err := newDebianOn(Request{Ref: "debian://trixie", Arch: "amd64", Keyring: a.keyFile(), CacheDir: t.TempDir(),
			Progress: func(string) {}}, os.DirFS(host))
		if err != nil {
			t.Fatal(err)
		}
		d.now = func() time.Time { return today }
		_, err = d.resolve(t.Context(), copyRunner)
		return err
	}
	if err := resolve(""); err == nil || !strings.Contains(err.Error(), "InRelease expired on Sun, 01 Mar 2026 11:00:00 UTC") {
		t.Error(err)
	}
	if err := resolve("[check-valid-until=no]"); err != nil {
		t.Error(err)
	}
}

func TestSuggestion(t *testing.T) {
	for suite, want := range map[string]string{"trixxie": "did you mean debian://trixie?\n", "trixie": "", "noble": "", "bookwrom": "did you mean debian://bookworm?\n"} {
		if got := suggestion(suite); got != want {
			t.Errorf("%s: %q", suite, got)
		}
	}
}

// A password in a mirror's address is used, but appears neither in the base nor in messages.
func TestPassword(t *testing.T) {
	a := newArchive(t)
	var said []string
	l, _, err := a.request(func(r *Request) {
		r.Mirror = strings.Replace(r.Mirror, "http://", "http://me:secret@", 1)
		r.Progress = func(s string) { said = append(said, s) }
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range contents(t, l) {
		if strings.Contains(text, "secret") {
			t.Errorf("%s has the password", name)
		}
	}
	if strings.Contains(strings.Join(said, "\n"), "secret") {
		t.Errorf("said %q", said)
	}
	record, err := os.ReadFile(firstMatch(t, filepath.Dir(filepath.Dir(l.Dir)), namesDir, "*"))
	if err != nil || strings.Contains(string(record), "secret") {
		t.Errorf("the cache has the password: %v", err)
	}
}

func TestFileMirror(t *testing.T) {
	a := newArchive(t)
	dir := t.TempDir()
	for p, body := range a.files {
		file := filepath.Join(dir, filepath.FromSlash(p))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, body, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := a.request(func(r *Request) { r.Mirror = "file://" + dir + "/debian" }); err != nil {
		t.Fatal(err)
	}
	if len(a.asked) != 0 {
		t.Errorf("the server was asked for %v", a.asked)
	}
	_, _, err := a.request(func(r *Request) { r.Mirror, r.Ref = "file://"+dir+"/debian", "debian://sid" })
	if err == nil || !strings.HasSuffix(err.Error(), `/debian has no suite "sid": HTTP status 404 Not Found`) {
		t.Error(err)
	}
}

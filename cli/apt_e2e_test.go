package cli

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/nixpacks-cue/nixpacks/engine/solve/buildkitdtest"
	"github.com/nixpacks-cue/nixpacks/testdata/debian"
)

// movingApp is an app that installs the package that changes, and prints which version of it the image has.
const movingApp = `
packages = "apt"
providers = []
[phases.setup]
aptPkgs = ["moving"]
[start]
cmd = "cat /usr/share/moving"
`

// onArchive is an app on a build image whose apt uses only the test's archive.
const onArchive = `
packages = "apt"
providers = []
[phases.build]
cmds = ["cp key.gpg /etc/apt/keyrings/ && rm /etc/apt/sources.list.d/* && echo 'deb [signed-by=/etc/apt/keyrings/key.gpg] ARCHIVE/debian trixie main' > /etc/apt/sources.list"]
[start]
cmd = "true"
`

// TestAptMoves locks an app to what apt installs from an archive, and then changes the archive. What was installed stays,
// another machine refuses the new version, and the lock can be updated.
func TestAptMoves(t *testing.T) {
	t.Parallel() // mostly waits
	buildkitdtest.Need(t, "docker-registry")
	m := &machine{host: realHost(t)}
	a := m.archive(t)
	a.Publish("1.0")
	image := buildkitdtest.Registry(t, "") + "/base:1"
	base := folder(t, map[string]string{"nixpacks.toml": strings.Replace(onArchive, "ARCHIVE", a.URL, 1), "key.gpg": string(a.Key())})
	m.ends(t, 0, "", "build", "--push", "-t", image, base)
	app := folder(t, map[string]string{"nixpacks.toml": "buildImage = \"" + image + "\"" + movingApp})

	m.ends(t, 0, "\nadded    the Debian packages moving on "+image+" for "+runtime.GOARCH+": sha256:", "lock", app)
	m.ends(t, 0, "nixpacks.lock is up to date", "lock", app)
	m.ends(t, 0, "\n1.0\n", "run", "--locked", app)

	a.Publish("2.0")
	m.ends(t, 0, "\n1.0\n", "run", "--locked", app) // from the cache
	m.host = realHost(t)
	m.ends(t, 0, "\nnote: the Debian packages are not those that are pinned: they are sha256:", "build", app)
	// What was installed without --locked does not count for it.
	out := m.ends(t, 21, "error: the Debian packages are not those that are pinned: they are sha256:", "run", "--locked", app)
	for _, want := range []string{"\n    changed  moving 2.0, which was 1.0\n", "\n  look at what changes, and pin it: nixpacks lock --update\n", "\n  nixpacks.toml:5:"} {
		if !strings.Contains(out, want) {
			t.Errorf("want %q in\n%s", want, out)
		}
	}
	m.ends(t, 0, "\n  changed  moving 2.0, which was 1.0\n", "lock", "--update", app)
	m.ends(t, 0, "\n2.0\n", "run", "--locked", app)
}

// TestAptSnapshot locks an app to a snapshot of an archive, and then changes the archive. The lock leads to the snapshot.
func TestAptSnapshot(t *testing.T) {
	t.Parallel() // mostly waits
	m := &machine{host: realHost(t)}
	a := m.archive(t)
	a.Publish("1.0")
	key := filepath.Join(folder(t, map[string]string{"key.gpg": string(a.Key())}), "key.gpg")
	m.flags = []string{"--debian-keyring", key, "--debian-mirror", a.URL + "/snapshot/debian/{date}"}
	m.host[1] = "XDG_CACHE_HOME=" + t.TempDir() // each run has an archive with another address
	app := folder(t, map[string]string{"nixpacks.toml": movingApp})
	m.ends(t, 0, "\nadded    the packages of debian://trixie for "+runtime.GOARCH+": sha256:", "lock", app)
	a.Publish("2.0")
	m.ends(t, 0, "\n1.0\n", "run", "--locked", "--pull", app)
	asked := a.Asked()
	for _, end := range []string{"/dists/trixie/InRelease", "/dists/trixie-security/InRelease", "/pool/moving.deb"} {
		if !slices.ContainsFunc(asked, func(p string) bool { return strings.HasPrefix(p, "/snapshot/debian") && strings.HasSuffix(p, end) }) {
			t.Errorf("%s was not asked for: %q", end, asked)
		}
	}
}

// machine is a machine on which the program runs.
type machine struct {
	host  []string
	flags []string
}

// archive returns an archive with the packages of this machine's base. It makes the base first if there is none.
func (m *machine) archive(t *testing.T) *debian.Archive {
	t.Helper()
	dir, err := os.UserCacheDir()
	must(t, err)
	plain := folder(t, map[string]string{"nixpacks.toml": strings.Replace(movingApp, `"moving"`, "", 1)})
	m.ends(t, 0, "", "build", plain)
	a, err := debian.Start(filepath.Join(dir, "nixpacks"), runtime.GOARCH)
	must(t, err)
	t.Cleanup(a.Close)
	return a
}

// ends runs the program and checks its exit code, and that its output contains a text.
func (m *machine) ends(t *testing.T, code int, want string, args ...string) string {
	t.Helper()
	args = slices.Concat(args[:1], []string{"--progress", "plain"}, m.flags, args[1:])
	text, err := program(m.host, args...).CombinedOutput()
	got, exit := 0, (*exec.ExitError)(nil)
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	out := "\n" + string(text)
	if got != code || !strings.Contains(out, want) {
		t.Fatalf("nixpacks %s: exit %d, want %d and %q\n%s", strings.Join(args, " "), got, code, want, out)
	}
	return out
}

// folder makes a directory with files.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	return dir
}

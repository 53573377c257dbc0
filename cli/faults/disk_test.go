//go:build linux

package faults

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/nixpacks-cue/nixpacks/engine/solve/buildkitdtest"
)

const mb = 1 << 20

// heavy is an app whose build makes 14 MB that depend on the number.
func heavy(number int) map[string]string {
	return map[string]string{
		"nixpacks.toml": plain("[phases.build]\ncmds = [\"cat number.txt > made && seq 1 2000000 >> made && sha256sum made > built\"]\n"),
		"number.txt":    fmt.Sprintln(number),
	}
}

// disk mounts a separate file system until the test ends: ext4 in a file, or tmpfs, which cannot hold a state directory.
func disk(t *testing.T, kind string, size int64) string {
	t.Helper()
	buildkitdtest.NeedRoot(t, "mount", "mkfs.ext4")
	dir := t.TempDir()
	at := filepath.Join(dir, "disk")
	if err := os.Mkdir(at, 0o755); err != nil {
		t.Fatal(err)
	}
	args := []string{"-t", "tmpfs", "-o", fmt.Sprintf("size=%d", size), "tmpfs", at}
	if kind == "ext4" {
		file := filepath.Join(dir, "file")
		run(t, "truncate", "-s", fmt.Sprint(size), file)
		run(t, "mkfs.ext4", "-q", "-F", "-m", "0", file)
		args = []string{"-o", "loop", file, at}
	}
	run(t, "mount", args...)
	t.Cleanup(func() {
		if err := unix.Unmount(at, 0); err != nil {
			t.Error(err)
			unix.Unmount(at, unix.MNT_DETACH)
		}
	})
	return at
}

func run(t *testing.T, program string, args ...string) {
	t.Helper()
	if out, err := exec.Command(program, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %q: %v\n%s", program, args, err, out)
	}
}

// leave fills a disk except for the given number of bytes. undo frees the space again.
func leave(t *testing.T, disk string, bytes int64) (undo func()) {
	t.Helper()
	var st unix.Statfs_t
	if err := unix.Statfs(disk, &st); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(filepath.Join(disk, "ballast"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for n := int64(st.Bavail)*st.Bsize - bytes; n >= st.Bsize; n -= max(n/64, st.Bsize) { // the file's metadata takes space too
		if unix.Fallocate(int(f.Fd()), 0, 0, n) == nil {
			break
		}
	}
	return func() {
		if err := os.Remove(f.Name()); err != nil {
			t.Fatal(err)
		}
	}
}

// wantFull checks the message of a build on a full disk.
func wantFull(t *testing.T, said string, code int, dir string) {
	t.Helper()
	if code != 75 || !strings.Contains(said, "the disk that holds "+dir) && !strings.Contains(said, "there is no space left in "+dir) {
		t.Errorf("exit %d, and it does not say that the disk of %s is full:\n%s", code, dir, short(said))
	}
	if strings.Contains(said, "goroutine ") || strings.Contains(said, "this is a bug") {
		t.Errorf("said:\n%s", said)
	}
}

// maybe runs a build that may run out of space, and reports whether it succeeded.
func (s *site) maybe(t *testing.T, dir string, args []string) bool {
	t.Helper()
	said, code := s.any(args...)
	if code == 0 {
		return true
	}
	wantFull(t, said, code, dir)
	return false
}

// TestFaultsDiskOfState builds while the disk of the state is full from the start, or becomes full at any point.
func TestFaultsDiskOfState(t *testing.T) {
	needBuilds(t)
	at := disk(t, "ext4", 500*mb)
	r, s, calm := chance(t), siteIn(t, at), newSite(t)
	s.env = append(s.env, "TMPDIR="+t.TempDir())
	dir := app(t, t.TempDir(), heavy(0))
	args := []string{"build", "--progress", "plain", "-n", "app", dir}
	kept := targets[2].path
	s.good(args...)
	was := sum(t, kept(s))

	// A step takes all the space.
	big := app(t, t.TempDir(), map[string]string{"nixpacks.toml": plain("[phases.build]\ncmds = [\"head -c 2G /dev/zero > built\"]\n")})
	said, code := s.any("build", "--progress", "plain", "-n", "app", big)
	wantFull(t, said, code, s.at("state"))
	if is := sum(t, kept(s)); is != was {
		t.Error("the last good image is not there any more")
	}
	s.nothingTemporary()

	// With no byte left, cache prune must still work.
	undo := leave(t, at, 0)
	said, code = s.any("build", "--progress", "plain", "-n", "app", app(t, dir, heavy(-1)))
	wantFull(t, said, code, s.at("state"))
	s.good("cache", "prune")
	undo()

	for i := range (number(t, "NIXPACKS_FAULTS", 5) + 4) / 5 {
		app(t, dir, heavy(i+1))
		calm.good(args...)
		s.scarce(t, r, at, args)
		s.good(args...)
		if want, got := digest(t, kept(calm)), digest(t, kept(s)); got != want {
			t.Errorf("with room again the image is %s, not %s", got, want)
		}
		s.nothingTemporary()
	}
}

// scarce runs a build with little free space.
func (s *site) scarce(t *testing.T, r *rand.Rand, at string, args []string) {
	t.Helper()
	room := r.Int64N(24 * mb)
	was := sum(t, targets[2].path(s))
	defer leave(t, at, room)()
	enough := s.maybe(t, s.at("state"), args)
	t.Logf("%.1f MB are enough: %v", float64(room)/mb, enough)
	if is := sum(t, targets[2].path(s)); !enough && is != was {
		t.Error("the last good image is not there any more")
	}
}

// TestFaultsDiskOfOutput writes to disks that have no room for the whole output.
func TestFaultsDiskOfOutput(t *testing.T) {
	needBuilds(t)
	at := disk(t, "tmpfs", 600*mb)
	r, s := chance(t), newSite(t)
	dir := app(t, t.TempDir(), heavy(0))
	many := number(t, "NIXPACKS_FAULTS", 1)
	for _, o := range []struct {
		name, output string
		long         bool
	}{
		{"app.tar", "type=oci", false}, {"docker.tar", "type=docker", true}, {"layout", "type=oci,tar=false", false},
		{"files.tar", "type=tar", true}, {"files", "type=local", false},
	} {
		if o.long && many == 1 {
			continue
		}
		t.Run(o.name, func(t *testing.T) {
			path := filepath.Join(at, "out", o.name)
			args := []string{"build", "--progress", "plain", "--output", o.output + ",dest=" + path, dir}
			app(t, dir, heavy(0))
			s.good(args...)
			was := sum(t, path)
			for i := range (many + 4) / 5 { // five outputs
				app(t, dir, heavy(i+1))
				undo := leave(t, at, r.Int64N(20*mb)*int64(min(i, 1))) // once with no space at all
				enough := s.maybe(t, filepath.Dir(path), args)
				undo()
				if is := sum(t, path); !enough && is != was {
					t.Error("the last good output is not there any more")
				}
				if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".*")); len(left) > 0 {
					t.Errorf("left: %q", left)
				}
				s.good(args...)
				was = sum(t, path)
			}
			os.RemoveAll(path)
		})
	}
}

// TestFaultsDiskOfCache makes a base on a disk that has no room for it.
func TestFaultsDiskOfCache(t *testing.T) {
	needBuilds(t)
	at := disk(t, "tmpfs", 300*mb)
	r, s := chance(t), newSite(t)
	s.env = append(s.env, "XDG_CACHE_HOME="+filepath.Join(at, "cache"))
	dir := app(t, t.TempDir(), heavy(0))
	args := []string{"build", "--progress", "plain", "-n", "app", dir}
	for range (number(t, "NIXPACKS_FAULTS", 10) + 9) / 10 {
		undo := leave(t, at, r.Int64N(30*mb))
		s.maybe(t, filepath.Join(at, "cache"), args)
		if left, _ := filepath.Glob(filepath.Join(at, "cache/nixpacks/tmp/*")); len(left) > 0 {
			t.Errorf("left: %q", left)
		}
		undo()
	}
	if os.Getenv("NIXPACKS_FAULTS") != "" { // making a base takes long
		s.good(args...)
	}
}

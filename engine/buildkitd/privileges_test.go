//go:build linux

package buildkitd

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/moby/buildkit/client"

	"github.com/nixpacks-cue/nixpacks/engine/buildkitd/ocirt"
)

// dockerDefault is Docker's default capability set in the kernel's notation: chown, dac_override, fowner, fsetid, kill,
// setgid, setuid, setpcap, net_bind_service, net_raw, sys_chroot, mknod, audit_write, setfcap.
const dockerDefault = "00000000a80425fb"

// withoutMknod is the capability set of a step if no cgroup protects the host's devices from it.
const withoutMknod = "00000000a00425fb"

// A step has Docker's default capabilities and no more. A binary with libseccomp also filters system calls.
func TestStepPrivileges(t *testing.T) {
	c := connect(t, options(t))
	out, err := build(t.Context(), c, []string{"cat", "/proc/self/status"})
	if err != nil {
		t.Fatal(err, out)
	}
	status := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^(\w+):\t(.*)$`).FindAllStringSubmatch(out, -1) {
		status[m[1]] = m[2]
	}
	for _, set := range []string{"CapBnd", "CapEff", "CapPrm"} {
		if got := status[set]; got != dockerDefault && got != withoutMknod {
			t.Errorf("%s is %s, want %s", set, got, dockerDefault)
		}
	}
	for _, set := range []string{"CapInh", "CapAmb"} {
		if got := status[set]; strings.Trim(got, "0") != "" {
			t.Errorf("%s is %s, want none", set, got)
		}
	}
	want := "0" // SECCOMP_MODE_DISABLED
	if ocirt.Seccomp() {
		want = "2" // SECCOMP_MODE_FILTER
	}
	if got := status["Seccomp"]; got != want {
		t.Errorf("Seccomp is %q, want %q", got, want)
	}
}

// Other users of the machine can neither read the state nor connect to the engine.
func TestStatePrivate(t *testing.T) {
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	o := options(t)
	o.State = filepath.Join(o.State, "state")
	d, err := startHere(o)
	needStart(t, err)
	use(t, d, func(c *client.Client) {
		if _, err := build(t.Context(), c, []string{"echo", "hi"}); err != nil {
			t.Fatal(err)
		}
		private(t, o)
	})
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}

func private(t *testing.T, o Options) {
	t.Helper()
	for _, dir := range []string{o.State, o.dir()} {
		mode(t, dir, 0o700)
	}
	entries, err := os.ReadDir(o.dir())
	if err != nil {
		t.Fatal(err)
	}
	sockets := 0
	for _, e := range entries {
		switch {
		case e.Type()&fs.ModeSocket != 0:
			sockets++
			mode(t, filepath.Join(o.dir(), e.Name()), 0o600)
		case e.IsDir():
			mode(t, filepath.Join(o.dir(), e.Name()), 0o700)
		default:
			mode(t, filepath.Join(o.dir(), e.Name()), 0o600)
		}
	}
	if sockets == 0 {
		t.Error("there is no socket: this looked at nothing")
	}
}

// mode fails the test if the file's mode allows others more than want.
func mode(t *testing.T, path string, want fs.FileMode) {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got&^want != 0 {
		t.Errorf("%s has mode %o, want %o", path, got, want)
	}
}

//go:build linux

package buildkitd

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// device returns the number of a device that root can open on the host, and that no container has.
func device(t *testing.T) string {
	t.Helper()
	for _, path := range []string{"/dev/loop-control", "/dev/fuse", "/dev/kmsg"} {
		f, err := os.Open(path)
		if err != nil {
			continue
		}
		defer f.Close()
		var st syscall.Stat_t
		if err := syscall.Fstat(int(f.Fd()), &st); err != nil {
			t.Fatal(err)
		}
		return strconv.FormatUint(st.Rdev, 10)
	}
	t.Log("no device to try: this proves nothing here")
	return "0"
}

// A step is root, but cannot use the host's devices.
func TestDevices(t *testing.T) {
	c := connect(t, options(t))
	if out, err := build(t.Context(), c, []string{"device", device(t)}); err != nil {
		t.Error(err, out)
	}
}

// Whatever cgroups are available, steps run or the error says why they cannot.
func TestControlGroups(t *testing.T) {
	needLinked(t)
	if os.Geteuid() != 0 {
		t.Skip("only root may mount control groups")
	}
	connect(t, options(t))
	dev := device(t)
	for setup, want := range map[string]string{
		"version 2": "confined", "read-only": "confined", "none": "error: build steps cannot be confined: no control groups are mounted",
	} {
		t.Run(setup, func(t *testing.T) {
			o := options(t)
			p := newProcess(t, o.State, []string{"BUILDKITD_TEST_CGROUPS=" + setup}, "device", dev)
			p.cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
			p.start()
			p.until(want)
			p.end()
		})
	}
}

// An ordinary user without subordinate ids can build, and the build's processes die with it although the engine changed
// its user id. The same holds for root in a container that may not mount.
func TestOrdinaryUser(t *testing.T) {
	needLinked(t)
	if os.Geteuid() != 0 {
		t.Skip("the other tests run as an ordinary user already")
	}
	connect(t, options(t))
	for name, uid := range map[string]uint32{"one id": 12345, noMount: 0} {
		t.Run(name, func(t *testing.T) {
			state := stateOf(t, int(uid))
			start := func(args ...string) *process {
				p := newProcess(t, state, []string{"BUILDKITD_TEST_DROP=" + name}, args...)
				p.as(uid)
				p.start()
				return p
			}
			p := start("sleep", "1000s")
			p.until("sleeping")
			if err := p.cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			p.end()
			gone(t)
			p = start("id")
			p.until("0 0 1")
			p.until("closed")
			if code := p.end(); code != 0 {
				t.Errorf("exit code %d", code)
			}
			nothingLeft(t, Options{State: state})
		})
	}
}

// stateOf creates a state directory for a user; t.TempDir is accessible to this user only.
func stateOf(t *testing.T, uid int) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "state")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chown(dir, uid, uid); err != nil {
		t.Fatal(err)
	}
	return dir
}

// On tmpfs an ordinary user can mount an overlay, but it does not work.
func TestOrdinaryUserOnTmpfs(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root may mount a tmpfs for it")
	}
	connect(t, options(t))
	state := stateOf(t, 12345)
	if err := unix.Mount("tmpfs", state, "tmpfs", 0, "uid=12345,gid=12345,mode=700"); err != nil {
		t.Fatal(err)
	}
	defer unix.Unmount(state, unix.MNT_DETACH)
	p := newProcess(t, state, nil, "echo")
	p.as(12345)
	p.start()
	p.until("is on tmpfs, which cannot hold an overlay")
	p.end()
}

// `go run` deletes the binary, and an upgrade replaces it. Steps of the running program must still work.
func TestBinaryGone(t *testing.T) {
	o := options(t)
	connect(t, options(t))
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), "program")
	if out, err := exec.Command("cp", exe, copied).CombinedOutput(); err != nil {
		t.Fatal(err, string(out))
	}
	p := newProcess(t, o.State, []string{"BUILDKITD_TEST_DELETE=" + copied}, "echo", "here")
	p.cmd.Path = copied
	p.start()
	p.until("[here]")
	p.end()
}

// A restrictive umask of the user must not affect images.
func TestUmask(t *testing.T) {
	connect(t, options(t))
	p := startProcess(t, options(t).State, []string{"BUILDKITD_TEST_UMASK=1"}, "mode", "/tmp")
	p.until("drwxrwxrwx -rw-r--r--")
	if code := p.end(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// A socket address has room for 107 bytes, but state directories may have longer paths.
func TestLongPath(t *testing.T) {
	o := options(t)
	o.State = filepath.Join(o.State, strings.Repeat("long", 30))
	connect(t, o)
	c, closer, joined, err := Connect(t.Context(), o)
	if err != nil || !joined {
		t.Fatal(joined, err)
	}
	if _, err := build(t.Context(), c, []string{"echo"}); err != nil {
		t.Error(err)
	}
	if err := closer(); err != nil {
		t.Error(err)
	}
}

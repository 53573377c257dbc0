//go:build linux

package buildkitd

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/moby/buildkit/client"
	"golang.org/x/sys/unix"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// The client of a killed owner must be told from a failed build, and can go on: the cache is whole.
func TestOwnerDies(t *testing.T) {
	o := options(t)
	connect(t, options(t))
	owner := startProcess(t, o.State, nil, "sleep", "1000s")
	owner.until("sleeping")
	c, closer, joined, err := Connect(t.Context(), o)
	if err != nil || !joined {
		t.Fatal(joined, err)
	}
	w := &watcher{word: "sleeping", found: func() { _ = owner.cmd.Process.Kill() }}
	if err := buildTo(t.Context(), c, w, []string{"sleep", "1000s"}); !Lost(err) {
		t.Errorf("not told as lost: %v", err)
	}
	if err := closer(); err != nil {
		t.Error(err)
	}
	owner.end()
	c, closer, joined, err = Connect(t.Context(), o)
	if err != nil || joined {
		t.Fatal(joined, err)
	}
	if _, err := build(t.Context(), c, []string{"echo"}); err != nil || Lost(err) {
		t.Error(err)
	}
	if _, err := build(t.Context(), c, []string{"exit", "1"}); Lost(err) {
		t.Errorf("a failed build is told as lost: %v", err)
	}
	if err := closer(); err != nil {
		t.Error(err)
	}
	nothingLeft(t, o)
}

// An owner that waits for others can be made to stop, and they learn of it.
func TestForce(t *testing.T) {
	o := options(t)
	connect(t, options(t))
	owner := startProcess(t, o.State, nil, "sleep", "1000s")
	owner.until("sleeping")
	other := startProcess(t, o.State, nil, "sleep", "1000s")
	other.until("joined")
	other.until("sleeping")
	for _, word := range []string{"say: waiting for another nixpacks", "closed"} {
		if err := owner.cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		owner.until(word)
	}
	nothingLeft(t, o)
	other.until("lost: true")
	other.end()
}

// Who wants other nameservers than the owner's waits for the lock.
func TestOtherSettingsWait(t *testing.T) {
	o := options(t)
	connect(t, options(t))
	owner := startProcess(t, o.State, nil, "sleep", "1000s")
	owner.until("sleeping")
	other := startProcess(t, o.State, []string{"BUILDKITD_TEST_DNS=127.0.0.9"}, "cat", "/etc/resolv.conf")
	other.until("with other settings (dns)")
	if err := owner.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	other.until("owner")
	other.until("nameserver 127.0.0.9")
	if code := other.end(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// The engine can be killed on its own, as the kernel does when memory is short: that is said, and is not our bug.
func TestEngineKilled(t *testing.T) {
	o := options(t)
	connect(t, options(t))
	p := startProcess(t, o.State, nil, "sleep", "1000s")
	p.until("sleeping")
	for _, pid := range children(t, p.cmd.Process.Pid) {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	p.until("lost: true")
	p.until("close: the embedded engine was killed")
	p.end()
	gone(t)
}

// children lists the processes that a process started.
func children(t *testing.T, pid int) (out []int) {
	t.Helper()
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		dt, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range strings.Fields(string(dt)) {
			n, err := strconv.Atoi(s)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, n)
		}
	}
	if len(out) == 0 {
		t.Fatalf("process %d has no children", pid)
	}
	return out
}

// An owner that only waits for others takes no newcomers, who are told so.
func TestNewcomerToDrain(t *testing.T) {
	o := options(t)
	connect(t, options(t))
	owner := startProcess(t, o.State, nil, "sleep", "1000s")
	owner.until("sleeping")
	joined := startProcess(t, o.State, nil, "sleep", "1000s")
	joined.until("sleeping")
	if err := owner.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	owner.until("say: waiting for another nixpacks")
	late := startProcess(t, o.State, nil, "echo", "late")
	late.until("to end")
	if err := joined.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	late.until("owner")
	late.until("[late]")
	late.until("closed")
}

// An interrupt must end the wait for the lock too.
func TestInterruptedWait(t *testing.T) {
	o := options(t)
	connect(t, options(t))
	owner := startProcess(t, o.State, nil, "sleep", "1000s")
	owner.until("sleeping")
	other := startProcess(t, o.State, []string{"BUILDKITD_TEST_DNS=127.0.0.9"}, "echo")
	other.until("with other settings (dns)")
	if err := other.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	other.until("error: interrupted while waiting")
	other.end()
	if err := owner.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	owner.until("closed")
}

// A careful user's umask must not be that of images.
func TestUmask(t *testing.T) {
	connect(t, options(t))
	p := startProcess(t, options(t).State, []string{"BUILDKITD_TEST_UMASK=1"}, "mode", "/tmp")
	p.until("drwxrwxrwx -rw-r--r--")
	if code := p.end(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// A socket's address has room for 107 bytes; people's state directories need not know.
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

// No build lives long enough for BuildKit's own timers to trim the cache.
func TestCloseTrims(t *testing.T) {
	o := options(t)
	d, err := Start(t.Context(), o)
	needStart(t, err)
	use(t, d, func(c *client.Client) {
		if _, err := build(t.Context(), c, []string{"write", "/tmp/x", "x"}); err != nil {
			t.Fatal(err)
		}
	})
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if d, err = Start(t.Context(), o); err != nil { // where nothing is in use any more
		t.Fatal(err)
	}
	d.server.worker.WorkerOpt.GCPolicy = []client.PruneInfo{{All: true}}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if d, err = Start(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	use(t, d, func(c *client.Client) {
		if left, err := c.DiskUsage(t.Context()); err != nil || len(left) > 0 {
			t.Errorf("%d records are left, %v", len(left), err)
		}
	})
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}

// needStart is needEngine for Start, which needs more.
func needStart(t *testing.T, err error) {
	t.Helper()
	if fault.CodeOf(err) == fault.Usage && os.Geteuid() != 0 {
		t.Skip("only root may mount in this process")
	}
	needEngine(t, err)
}

func use(t *testing.T, d *Daemon, f func(*client.Client)) {
	t.Helper()
	c, err := d.Client(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f(c)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}

// device is the number of a device that root can open on the host and no container has.
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

// A step is root, but not over the host's devices.
func TestDevices(t *testing.T) {
	c := connect(t, options(t))
	if out, err := build(t.Context(), c, []string{"device", device(t)}); err != nil {
		t.Error(err, out)
	}
}

// Whatever there is of control groups: steps run, or it is said why they cannot.
func TestControlGroups(t *testing.T) {
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

// An ordinary user has one id, or many: both build.
func TestOrdinaryUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("the other tests run as an ordinary user already")
	}
	connect(t, options(t))
	for name, attr := range map[string]*syscall.SysProcAttr{
		"one id":             {Credential: &syscall.Credential{Uid: 12345, Gid: 12345}},
		"root without mount": {}, // see processMain
	} {
		t.Run(name, func(t *testing.T) {
			state, err := os.MkdirTemp("", "ordinary") // t.TempDir is root's alone
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = os.RemoveAll(state) })
			if c := attr.Credential; c != nil {
				if err := os.Chown(state, int(c.Uid), int(c.Gid)); err != nil {
					t.Fatal(err)
				}
			}
			env := []string{"BUILDKITD_TEST_DROP=" + name}
			ordinary := func(args ...string) *process {
				p := newProcess(t, state, env, args...)
				p.cmd.Path, p.cmd.SysProcAttr = "/proc/self/exe", attr // the test binary may be in root's own directory
				p.start()
				return p
			}
			p := ordinary("sleep", "1000s")
			p.until("sleeping")
			if err := p.cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			p.end()
			gone(t)
			p = ordinary("id")
			p.until("0 0 1")
			p.until("closed")
			if code := p.end(); code != 0 {
				t.Errorf("exit code %d", code)
			}
			nothingLeft(t, Options{State: state})
		})
	}
}

// On tmpfs an ordinary user's overlay can be mounted and does not work.
func TestOrdinaryUserOnTmpfs(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root may mount a tmpfs for it")
	}
	connect(t, options(t))
	state, err := os.MkdirTemp("", "ordinary")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(state)
	if err := unix.Mount("tmpfs", state, "tmpfs", 0, "uid=12345,gid=12345,mode=700"); err != nil {
		t.Fatal(err)
	}
	defer unix.Unmount(state, unix.MNT_DETACH)
	p := newProcess(t, state, nil, "echo")
	p.cmd.Path = "/proc/self/exe"
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 12345, Gid: 12345}}
	p.start()
	p.until("is on tmpfs, which cannot hold an overlay")
	p.end()
}

// go run deletes the binary, an upgrade replaces it: steps of the running program must not care.
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

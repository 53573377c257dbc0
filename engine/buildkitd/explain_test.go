//go:build linux

package buildkitd

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// fakeHost returns a host with only these files and variables.
func fakeHost(files, env map[string]string) host {
	return host{
		file:   func(p string) string { return files[p] },
		exists: func(p string) bool { _, ok := files[p]; return ok },
		env:    func(k string) string { return env[k] },
		exe:    "/usr/bin/nixpacks",
	}
}

func TestExplainNamespace(t *testing.T) {
	const sys = "/proc/sys/kernel/"
	for _, c := range []struct {
		err        error
		files, env map[string]string
		msg, hint  string
	}{
		{unix.EPERM, nil, nil, "cannot create a user namespace", "run as root"},
		{unix.EPERM, map[string]string{sys + "unprivileged_userns_clone": "0"}, nil, "cannot create", "sysctl -w kernel.unprivileged_userns_clone=1"},
		{unix.ENOSPC, nil, nil, "no more user namespaces", "sysctl -w user.max_user_namespaces"},
		{unix.EPERM, map[string]string{"/proc/sys/user/max_user_namespaces": "0"}, nil, "no more user namespaces", "sysctl"},
		{unix.EACCES, map[string]string{sys + "apparmor_restrict_unprivileged_userns": "1"}, nil, "AppArmor", "profile nixpacks /usr/bin/nixpacks flags=(unconfined)"},
		{unix.EPERM, map[string]string{"/.dockerenv": ""}, nil, "a container may neither mount", "BUILDKIT_HOST"},
		{unix.EPERM, map[string]string{"/run/.containerenv": ""}, map[string]string{"GITLAB_CI": "true"}, "a GitLab job's container", "BUILDKIT_HOST"},
		{unix.EPERM, nil, map[string]string{"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "a Kubernetes pod", "BUILDKIT_HOST"},
		{unix.EPERM, nil, map[string]string{"GITLAB_CI": "true"}, "cannot create a user namespace", "run as root"}, // a shell runner
	} {
		explained(t, explainNamespace(fmt.Errorf("fork/exec: %w", c.err), fakeHost(c.files, c.env)), c.msg, c.hint)
	}
}

func explained(t *testing.T, err error, msg, hint string) {
	t.Helper()
	explainedAs(t, fault.Usage, err, msg, hint)
}

func explainedAs(t *testing.T, code fault.Code, err error, msg, hint string) {
	t.Helper()
	var f *fault.Fault
	if !errors.As(err, &f) || f.Code != code || !strings.Contains(f.Msg, msg) || !strings.Contains(f.Hint, hint) {
		t.Errorf("want %q with %q, got %#v", msg, hint, err)
	}
}

func TestExplainOverlay(t *testing.T) {
	for _, c := range []struct {
		err       error
		fs        string
		files     map[string]string
		msg, hint string
	}{
		{unix.EINVAL, "overlay", nil, "container's own file system", "mount a volume"},
		{unix.EINVAL, "NFS", nil, "/s is on NFS, which", "XDG_STATE_HOME"},
		{errHidden, "tmpfs", nil, "/s is on tmpfs, which", "XDG_STATE_HOME"},
		{unix.EINVAL, "", nil, "overlayfs does not work in the state directory /s", "XDG_STATE_HOME"},
		{unix.ENODEV, "", nil, "no overlayfs", "modprobe"},
		{unix.EROFS, "", nil, "cannot be written", "XDG_STATE_HOME"},
		{unix.EPERM, "", nil, "it may not mount", "run as root"},
		{unix.EPERM, "overlay", map[string]string{"/.dockerenv": ""}, "a container may not mount", "privileged"},
	} {
		explained(t, explainOverlay(os.NewSyscallError("mount", c.err), "/s", c.fs, fakeHost(c.files, nil)), c.msg, c.hint)
	}
	full := explainOverlay(os.NewSyscallError("mount", unix.ENOSPC), "/s", "", fakeHost(nil, nil))
	explainedAs(t, fault.TryAgain, full, "no space left in /s", "free some space")
}

func TestCheckProc(t *testing.T) {
	const plain = "21 1 0:20 / /proc rw - proc proc rw\n22 21 0:21 / /proc/sys/fs/binfmt_misc rw - autofs systemd-1 rw\n"
	if err := checkProc(fakeHost(map[string]string{"/proc/self/mountinfo": plain}, nil)); err != nil {
		t.Errorf("an ordinary host: %v", err)
	}
	masked := plain + "23 21 0:5 /null /proc/kcore rw - devtmpfs devtmpfs rw\n"
	explained(t, checkProc(fakeHost(map[string]string{"/proc/self/mountinfo": masked}, nil)), "masks /proc/kcore", "systempaths=unconfined")
}

// Unusable state directories are rejected with a message before anything is written there.
func TestStateRefused(t *testing.T) {
	connect(t, options(t))
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for state, want := range map[string]string{
		file:                                "cannot be made",
		filepath.Join(t.TempDir(), "a:b"):   "contains ':', which",
		filepath.Join(t.TempDir(), `a\b`):   `contains '\\', which`,
		filepath.Join(t.TempDir(), "a,b c"): "contains ',', which",
	} {
		_, _, _, err := Connect(t.Context(), Options{State: state})
		explained(t, err, want, "")
	}
}

// Root would leave files in a user's directory that the user cannot use.
func TestStateOfAnotherUser(t *testing.T) {
	for _, path := range []func(Options) string{Options.dir, func(o Options) string { return o.State }} {
		o := options(t)
		if err := os.MkdirAll(o.dir(), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(path(o), 12345, -1); err != nil {
			t.Skipf("this user may not give directories away: %v", err)
		}
		_, _, _, err := Connect(t.Context(), o)
		explained(t, err, "belongs to user 12345, and this is user 0", "XDG_STATE_HOME")
	}
}

// A container without a volume has an overlay as its file system, which cannot hold another overlay.
func TestStateOnOverlay(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root may mount a file system for it")
	}
	connect(t, options(t))
	at := t.TempDir()
	for _, d := range []string{"lower", "upper", "work", "merged"} {
		if err := os.Mkdir(filepath.Join(at, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	merged := filepath.Join(at, "merged")
	text := fmt.Sprintf("lowerdir=%s/lower,upperdir=%s/upper,workdir=%s/work", at, at, at)
	if err := unix.Mount("overlay", merged, "overlay", 0, text); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(merged, unix.MNT_DETACH) })
	_, _, _, err := Connect(t.Context(), Options{State: filepath.Join(merged, "state")})
	explained(t, err, "inside a container's own file system", "mount a volume")
}

//go:build linux

package leaks

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"golang.org/x/sys/unix"
)

func TestBelow(t *testing.T) {
	const text = `21 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 21 0:27 / /state\040of\040mine rw - tmpfs tmpfs rw
31 30 0:28 / /state\040of\040mine/a rw,nosuid - overlay overlay rw,lowerdir=/x
32 31 0:29 / /state\040of\040mine/a/b rw shared:3 master:1 - tmpfs tmpfs rw
33 21 0:30 / /state\040of\040mines rw - tmpfs tmpfs rw
`
	want := []string{"/state of mine/a", "/state of mine/a/b"}
	if got := Below(text, "/state of mine"); !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// leftovers creates a state directory as left by a killed engine, and returns the directory of a step as bundle.
func leftovers(t *testing.T) (dir, bundle string) {
	dir = filepath.Join(t.TempDir(), "[state]*")
	bundle = filepath.Join(dir, "runc-overlayfs", "executor", "id")
	for _, d := range []string{filepath.Join(bundle, "rootfs"), filepath.Join(dir, "tmp", "buildkit-mount1"), filepath.Join(dir, "runc-overlayfs", "snapshots")} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range []string{filepath.Join(bundle, "config.json"), filepath.Join(filepath.Dir(bundle), "hosts.id"), filepath.Join(filepath.Dir(bundle), "resolv.conf")} {
		if err := os.WriteFile(f, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir, bundle
}

func TestClean(t *testing.T) {
	dir, bundle := leftovers(t)
	if err := Clean(dir); err != nil {
		t.Fatal(err)
	}
	for path, kept := range map[string]bool{
		bundle: false, filepath.Join(filepath.Dir(bundle), "hosts.id"): false, filepath.Join(dir, "tmp", "buildkit-mount1"): false,
		filepath.Join(filepath.Dir(bundle), "resolv.conf"): true, filepath.Join(dir, "runc-overlayfs", "snapshots"): true,
	} {
		if _, err := os.Lstat(path); (err == nil) != kept {
			t.Errorf("%s: kept should be %v: %v", path, kept, err)
		}
	}
}

// Clean does not remove files that it does not know.
func TestCleanKeepsUnknown(t *testing.T) {
	dir, bundle := leftovers(t)
	file := filepath.Join(bundle, "rootfs", "somebody's")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Clean(dir); err == nil {
		t.Error("no error")
	}
	if _, err := os.Lstat(file); err != nil {
		t.Error(err)
	}
}

func TestCleanUnmounts(t *testing.T) {
	dir, bundle := leftovers(t)
	source := t.TempDir()
	file := filepath.Join(source, "somebody's")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	places := []string{filepath.Join(bundle, "rootfs"), filepath.Join(dir, "tmp", "buildkit-mount1")}
	for _, p := range places {
		if err := unix.Mount(source, p, "", unix.MS_BIND, ""); err != nil {
			t.Skipf("this user may not mount: %v", err)
		}
		t.Cleanup(func() { _ = unix.Unmount(p, unix.MNT_DETACH) })
	}
	if err := Clean(dir); err != nil {
		t.Fatal(err)
	}
	if left, err := Mounts(dir); err != nil || len(left) > 0 {
		t.Errorf("left: %q, %v", left, err)
	}
	if _, err := os.Lstat(file); err != nil {
		t.Errorf("the file behind the mount: %v", err)
	}
}

package buildkitd

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/containerd/containerd/v2/plugins/snapshots/overlay/overlayutils"
	"golang.org/x/sys/unix"

	"github.com/nixpacks-cue/nixpacks/engine/buildkitd/leaks"
	"github.com/nixpacks-cue/nixpacks/engine/buildkitd/ocirt"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

const otherBuilder = "or use another BuildKit with --builder or BUILDKIT_HOST"

// preflight tries what every build needs, so that errors are reported here with a reason, and not in the middle of a
// build.
func preflight(dir string, rootless bool) error {
	if i := strings.IndexAny(dir, `:,\`); i >= 0 {
		return fault.New(fault.Usage, "the path of the state directory %s contains %q, which overlayfs does not support", dir, dir[i]).
			WithHint("set XDG_STATE_HOME to another directory")
	}
	if err := tryOverlay(dir); err != nil {
		return explainOverlay(err, dir, fsName(dir), realHost)
	}
	if rootless {
		if err := checkProc(realHost); err != nil {
			return err
		}
	}
	return ocirt.Check()
}

// errHidden is the error for a file system on which an overlay can be mounted but does not work.
var errHidden = errors.New("a directory that was removed and recreated still shows its old files")

// tryOverlay mounts an overlay in dir and does the one thing that requires extended attributes on the file system below:
// it removes a directory and creates it again.
func tryOverlay(dir string) (err error) {
	old, _ := fs.Glob(os.DirFS(dir), "probe*") // of engines that were killed in this function; this engine holds the lock
	for _, name := range old {
		os.RemoveAll(filepath.Join(dir, name))
	}
	tmp, err := os.MkdirTemp(dir, "probe")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	at := func(p string) string { return filepath.Join(tmp, p) }
	for _, d := range []string{"lower/d/old", "upper", "work", "merged"} {
		if err := os.MkdirAll(at(d), 0o700); err != nil {
			return err
		}
	}
	options := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", at("lower"), at("upper"), at("work"))
	// The snapshotter decides the same way: in a user namespace, but not on tmpfs.
	if user, err := overlayutils.NeedsUserXAttr(dir); err == nil && user {
		options += ",userxattr"
	}
	if err := unix.Mount("overlay", at("merged"), "overlay", 0, options); err != nil {
		return os.NewSyscallError("mount", err)
	}
	defer func() { // before the removal, which must not delete anything below a mount point
		if e := unix.Unmount(at("merged"), unix.MNT_DETACH); e != nil {
			err = errors.Join(err, os.NewSyscallError("unmount", e))
		}
	}()
	if err := os.RemoveAll(at("merged/d")); err != nil {
		return err
	}
	if err := os.Mkdir(at("merged/d"), 0o700); err != nil {
		return err
	}
	if left, err := os.ReadDir(at("merged/d")); err != nil || len(left) > 0 {
		return errors.Join(err, errHidden)
	}
	return nil
}

// checkProc checks that a step can mount its own /proc. In a user namespace the kernel allows that only if the process's
// own /proc is fully visible, and containers cover parts of it.
func checkProc(h host) error {
	covered := leaks.Below(h.file("/proc/self/mountinfo"), "/proc")
	// binfmt_misc is mounted on a directory that is always empty, which the kernel ignores.
	covered = slices.DeleteFunc(covered, func(p string) bool { return p == "/proc/sys/fs/binfmt_misc" })
	if len(covered) == 0 {
		return nil
	}
	return fault.New(fault.Usage, "build steps cannot mount their own /proc: this container masks %s", strings.Join(covered, ", ")).
		WithHint("run the container with an unmasked /proc (docker: --security-opt systempaths=unconfined; Kubernetes: procMount: Unmasked), %s", otherBuilder)
}

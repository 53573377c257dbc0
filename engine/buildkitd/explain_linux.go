package buildkitd

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/nixpacks-cue/nixpacks/engine/buildkitd/namespace"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// host gives access to the facts that explain an error. Tests replace it.
type host struct {
	file   func(path string) string // content without surrounding whitespace, or "" if unreadable
	exists func(path string) bool
	env    func(name string) string
	exe    string // this binary
}

var realHost = host{
	file: func(path string) string {
		dt, _ := os.ReadFile(path)
		return strings.TrimSpace(string(dt))
	},
	exists: func(path string) bool {
		_, err := os.Lstat(path)
		return err == nil
	},
	env: os.Getenv,
	exe: executable(),
}

func executable() string {
	exe, err := os.Executable()
	if err != nil {
		return "nixpacks"
	}
	return exe
}

// container names the kind of container that this process runs in, or returns "" if none is recognised.
func (h host) container() string {
	switch {
	case h.env("KUBERNETES_SERVICE_HOST") != "":
		return "a Kubernetes pod"
	case h.env("GITLAB_CI") != "" && h.inContainer():
		return "a GitLab job's container"
	case h.env("GITHUB_ACTIONS") != "" && h.inContainer():
		return "a GitHub job's container"
	case h.inContainer():
		return "a container"
	}
	return ""
}

func (h host) inContainer() bool {
	return h.exists("/.dockerenv") || h.exists("/run/.containerenv") || h.env("container") != ""
}

const containerHint = "run the container privileged, or use a BuildKit outside of it with --builder or BUILDKIT_HOST (tcp://HOST:PORT, docker-container://NAME)"

// explainNamespace explains why this process could not create a user namespace in which it may mount.
func explainNamespace(err error, h host) error {
	f := &fault.Fault{Code: fault.Usage, Msg: "the embedded engine cannot run here: this user may not mount, and cannot create a user namespace for it", Err: err}
	switch {
	case namespace.IsMapError(err):
		f.Msg = "the embedded engine cannot run here: the user ids of its namespace cannot be set"
		f.Hint = "check that newuidmap and newgidmap are set-user-id root and that the file system they are on allows it, " + otherBuilder
	case h.file("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1" && !errors.Is(err, unix.ENOSPC):
		f.Msg = "the embedded engine cannot run here: AppArmor keeps this user's processes from using user namespaces"
		f.Hint = appArmorHint(h.exe)
	case h.file("/proc/sys/kernel/unprivileged_userns_clone") == "0":
		f.Hint = "as root: sysctl -w kernel.unprivileged_userns_clone=1, " + otherBuilder
	case errors.Is(err, unix.ENOSPC) || h.file("/proc/sys/user/max_user_namespaces") == "0":
		f.Msg = "the embedded engine cannot run here: no more user namespaces are allowed"
		f.Hint = "as root: sysctl -w user.max_user_namespaces=10000, " + otherBuilder
	case h.container() != "":
		f.Msg = "the embedded engine cannot run here: " + h.container() + " may neither mount nor make user namespaces"
		f.Hint = containerHint
	default:
		f.Hint = "run as root, " + otherBuilder
	}
	return f
}

// appArmorHint returns a profile that lets only this binary use user namespaces, as Ubuntu's own packages do.
func appArmorHint(exe string) string {
	return fmt.Sprintf(`as root, write /etc/apparmor.d/nixpacks:
  abi <abi/4.0>,
  include <tunables/global>
  profile nixpacks %s flags=(unconfined) {
    userns,
  }
and load it: apparmor_parser -r /etc/apparmor.d/nixpacks
`, exe) + otherBuilder
}

// explainOverlay explains why an overlay cannot be mounted in dir, which is on the file system fs.
func explainOverlay(err error, dir, fs string, h host) error {
	f := &fault.Fault{Code: fault.Usage, Err: err}
	elsewhere := "set XDG_STATE_HOME to a directory on a local disk (ext4, xfs, btrfs), " + otherBuilder
	switch {
	case errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES):
		if h.file("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1" && os.Getuid() == 0 && namespace.Inside() {
			return explainNamespace(err, h)
		}
		f.Msg, f.Hint = "the embedded engine cannot run here: it may not mount", "run as root, "+otherBuilder
		if c := h.container(); c != "" {
			f.Msg, f.Hint = "the embedded engine cannot run here: "+c+" may not mount", containerHint
		}
	case errors.Is(err, unix.ENODEV):
		f.Msg, f.Hint = "this kernel has no overlayfs", "as root: modprobe overlay, "+otherBuilder
	case errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT):
		f.Code = fault.TryAgain
		f.Msg, f.Hint = "there is no space left in "+dir, "free some space (nixpacks cache prune), or set XDG_STATE_HOME to a directory on another disk"
	case errors.Is(err, unix.EROFS):
		f.Msg, f.Hint = "the state directory "+dir+" cannot be written", elsewhere
	case fs == "overlay":
		f.Msg = "the state directory " + dir + " is inside a container's own file system (overlayfs), which cannot hold another overlay"
		f.Hint = "mount a volume there, or " + elsewhere
	case fs != "":
		f.Msg, f.Hint = "the state directory "+dir+" is on "+fs+", which cannot hold an overlay", elsewhere
	default:
		f.Msg, f.Hint = "overlayfs does not work in the state directory "+dir, elsewhere
	}
	return f
}

// fsName returns the name of dir's file system, if it is known not to support overlays, and "" otherwise.
func fsName(dir string) string {
	var st unix.Statfs_t
	if unix.Statfs(filepath.Clean(dir), &st) != nil {
		return ""
	}
	return map[uint32]string{
		unix.NFS_SUPER_MAGIC: "NFS", unix.OVERLAYFS_SUPER_MAGIC: "overlay", unix.TMPFS_MAGIC: "tmpfs",
		unix.SMB_SUPER_MAGIC: "SMB", unix.SMB2_SUPER_MAGIC: "SMB", unix.CIFS_SUPER_MAGIC: "CIFS",
		unix.FUSE_SUPER_MAGIC: "FUSE", unix.V9FS_MAGIC: "9p", unix.MSDOS_SUPER_MAGIC: "FAT",
		unix.ECRYPTFS_SUPER_MAGIC: "eCryptfs",
	}[uint32(st.Type)]
}

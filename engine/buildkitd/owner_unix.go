//go:build unix

package buildkitd

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// CheckOwner rejects a state directory, or a part of one, that belongs to another user, also if a link leads to it. A
// `sudo nixpacks` with the caller's HOME would fill it with files that the caller cannot use afterwards, and its owner
// could replace what root reads from it. A directory that does not exist yet is none. One of root's that this user may
// write is a volume: those of containers belong to root.
func CheckOwner(dir string) error {
	var st unix.Stat_t
	err := unix.Stat(dir, &st)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fault.Wrap(fault.Usage, err, "the state directory %s cannot be read", dir)
	}
	if int(st.Uid) == os.Geteuid() || st.Uid == 0 && unix.Access(dir, unix.W_OK|unix.X_OK) == nil {
		return nil
	}
	return fault.New(fault.Usage, "the state directory %s belongs to user %d, and this is user %d", dir, st.Uid, os.Geteuid()).
		WithHint("run as its owner, or set XDG_STATE_HOME to a directory of your own")
}

package buildkitd

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// unsyncedName is a file that exists while databases of the state may be newer in memory than on disk. It contains the
// boot id of the system: until a reboot, the page cache is as good as the disk.
const unsyncedName = "unsynced"

// bootID is the file with the boot id, which changes at every boot. Tests replace it.
var bootID = "/proc/sys/kernel/random/boot_id"

// unsynced lists the databases of a state, relative to its directory. A build without changes writes to them about 80
// times. Synced on every write, it waited for the disk 170 times, and all builds that share the engine waited one after
// another. They are synced when an engine ends.
var unsynced = []string{"cache.db", "history.db", "runc-" + snapshotter + "/metadata_v2.db", "runc-" + snapshotter + "/containerdmeta.db"}

// condition describes a state when its engine starts.
type condition struct {
	unsynced bool // databases may stay unsynced, which requires a boot id
	killed   bool // the previous engine probably did not end cleanly
}

// checkDatabases makes sure that the databases are intact. If the system went down while an engine had not synced them, it
// discards the cache.
func checkDatabases(dir string, say func(string)) (condition, error) {
	mark := filepath.Join(dir, unsyncedName)
	boot, err := os.ReadFile(bootID)
	if err != nil {
		boot = nil
	}
	was, err := os.ReadFile(mark)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return condition{}, err
	case boot != nil && string(was) == string(boot):
		return condition{unsynced: true, killed: true}, nil
	default:
		say("the system went down during a build: starting with an empty cache")
		if err := discard(dir); err != nil {
			return condition{}, err
		}
	}
	if boot == nil {
		return condition{killed: true}, nil
	}
	return condition{unsynced: true}, errors.Join(writeFile(mark, boot), syncPath(mark), syncPath(dir))
}

// discard removes the databases, and all data that only they describe.
func discard(dir string) error {
	errs := []error{os.RemoveAll(filepath.Join(dir, "runc-"+snapshotter))}
	for _, name := range unsynced {
		if !strings.Contains(name, "/") {
			errs = append(errs, os.RemoveAll(filepath.Join(dir, name)))
		}
	}
	return errors.Join(append(errs, os.Remove(filepath.Join(dir, unsyncedName)))...)
}

// syncDatabases syncs the databases, which must be closed.
func syncDatabases(dir string) error {
	for _, name := range unsynced {
		if err := syncPath(filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	if err := os.Remove(filepath.Join(dir, unsyncedName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return syncPath(dir)
}

func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

package buildkitd

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// unsyncedName is a file that is there while databases of the state may be newer in memory than on the disk. It holds the
// id of the system's boot: until that ends, memory is as good as the disk.
const unsyncedName = "unsynced"

// bootID changes whenever the system starts. Tests have others.
var bootID = "/proc/sys/kernel/random/boot_id"

// unsynced are the databases of a state, below its directory. A build where nothing has changed writes to them some 80 times; with
// each change on the disk at once, it waited for the disk 170 times, and so did all builds that share the engine, one after
// another. They are synced when an engine ends.
var unsynced = []string{"cache.db", "history.db", "runc-" + snapshotter + "/metadata_v2.db", "runc-" + snapshotter + "/containerdmeta.db"}

// condition is that of a state when its engine starts.
type condition struct {
	unsynced bool // its databases may stay unsynced, which takes a system that names its boots
	killed   bool // the engine before did not end, as far as one can tell
}

// trust makes sure that the databases are whole: where the system went down while an engine had not synced them, the
// cache begins anew.
func trust(dir string, say func(string)) (condition, error) {
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
		say("the system went down during a build: the cache begins anew")
		if err := discard(dir); err != nil {
			return condition{}, err
		}
	}
	if boot == nil {
		return condition{killed: true}, nil
	}
	return condition{unsynced: true}, errors.Join(writeFile(mark, boot), syncPath(mark), syncPath(dir))
}

// discard removes databases, and all that nothing else tells of.
func discard(dir string) error {
	errs := []error{os.RemoveAll(filepath.Join(dir, "runc-"+snapshotter))}
	for _, name := range unsynced {
		if !strings.Contains(name, "/") {
			errs = append(errs, os.RemoveAll(filepath.Join(dir, name)))
		}
	}
	return errors.Join(append(errs, os.Remove(filepath.Join(dir, unsyncedName)))...)
}

// settle brings the databases, which are closed, to the disk.
func settle(dir string) error {
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

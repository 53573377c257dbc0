//go:build linux

package buildkitd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/moby/buildkit/client"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// An engine's databases must be closed before the next one starts, since bbolt waits for its file forever.
func TestCloseGivesEverythingBack(t *testing.T) {
	o := options(t)
	for range 2 {
		d, err := startHere(o)
		needStart(t, err)
		use(t, d, func(c *client.Client) {
			if _, err := build(t.Context(), c, []string{"echo", "hi"}); err != nil {
				t.Fatal(err)
			}
		})
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{socketName, ownerName} {
			if _, err := os.Lstat(filepath.Join(o.dir(), name)); err == nil {
				t.Errorf("%s is left", name)
			}
		}
		if open := openFiles(t, o.State); len(open) > 0 {
			t.Errorf("open files: %v", open)
		}
		nothingLeft(t, o)
	}
}

// An unused engine ends cleanly, even if its start has not finished.
func TestCloseAtOnce(t *testing.T) {
	o := options(t)
	for range 10 {
		d, err := startHere(o)
		needStart(t, err)
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
	nothingLeft(t, o)
}

func openFiles(t *testing.T, dir string) (out []string) {
	fds, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		// containerd leaves the file of its fs-verity test to the garbage collector.
		if p, err := os.Readlink(fd); err == nil && strings.HasPrefix(p, dir) && !strings.Contains(p, "/.fsverity-check") {
			out = append(out, p)
		}
	}
	return out
}

// Builds end before BuildKit's own timers trim the cache.
func TestCloseTrims(t *testing.T) {
	o := options(t)
	d, err := startHere(o)
	needStart(t, err)
	use(t, d, func(c *client.Client) {
		if _, err := build(t.Context(), c, []string{"write", "/tmp/x", "x"}); err != nil {
			t.Fatal(err)
		}
	})
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if d, err = startHere(o); err != nil { // now nothing is in use
		t.Fatal(err)
	}
	d.server.worker.WorkerOpt.GCPolicy = []client.PruneInfo{{All: true}}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if d, err = startHere(o); err != nil {
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

// Trimming examines the whole cache, so it is done only after builds that add to it.
func TestCloseTrimsWhatIsNew(t *testing.T) {
	o := options(t)
	closed := func(steps ...[]string) time.Time {
		d, err := startHere(o)
		needStart(t, err)
		use(t, d, func(c *client.Client) {
			for _, step := range steps { // each step runs, whatever is cached
				if _, err := build(t.Context(), c, step); err != nil {
					t.Fatal(err)
				}
			}
		})
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(filepath.Join(d.dir, trimmedFile))
		if err != nil {
			t.Fatal(err)
		}
		return info.ModTime()
	}
	step := []string{"write", "/tmp/x", "x"}
	first := closed(step)
	if !closed().Equal(first) {
		t.Error("it trims though nothing was added")
	}
	if closed(step).Equal(first) {
		t.Error("it does not trim what was added")
	}
}

// startHere runs an engine in this process, without waiting for the state's lock. If the process is killed, its mounts
// stay.
func startHere(o Options) (*daemon, error) {
	dir, err := prepare(o)
	if err != nil {
		return nil, err
	}
	lock, err := tryLock(dir)
	if err != nil {
		return nil, err
	}
	if lock == nil {
		return nil, fault.New(fault.TryAgain, "another nixpacks process uses %s", dir)
	}
	return start(o, dir, lock, os.Getpid())
}

// needStart is needEngine for startHere, which has more requirements.
func needStart(t *testing.T, err error) {
	t.Helper()
	if fault.CodeOf(err) == fault.Usage && os.Geteuid() != 0 {
		t.Skip("only root may mount in this process")
	}
	needEngine(t, err)
}

func use(t *testing.T, d *daemon, f func(*client.Client)) {
	t.Helper()
	c, err := dialClient(t.Context(), d.dir)
	if err != nil {
		t.Fatal(err)
	}
	f(c)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}

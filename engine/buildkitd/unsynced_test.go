//go:build linux

package buildkitd

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/moby/buildkit/client"
)

// Databases that were not synced before the system went down are not trusted. Those of an engine that was killed or has
// ended are.
func TestUnsynced(t *testing.T) {
	o := options(t)
	kept := func(d *daemon) bool {
		t.Helper()
		var n int
		use(t, d, func(c *client.Client) {
			records, err := c.DiskUsage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			n = len(records)
			if _, err := build(t.Context(), c, []string{"write", "/tmp/x", "x"}); err != nil {
				t.Fatal(err)
			}
		})
		return n > 0
	}
	mark := filepath.Join(o.dir(), unsyncedName)
	own := bootID
	t.Cleanup(func() { bootID = own })
	other := filepath.Join(t.TempDir(), "boot")
	if err := os.WriteFile(other, []byte("another\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name     string
		boot     string
		unsynced bool // what the previous engine left
		kept     bool
	}{
		{"a new state", own, false, false},
		{"after one that ended", own, false, true},
		{"after another boot of the system", other, false, true},
		{"after one that was killed", other, true, true},
		{"after a boot without an end", own, true, false},
		{"without boots", "/nowhere", false, true},
		{"without boots, and without an end", "/nowhere", true, false},
	} {
		if c.unsynced {
			id, err := os.ReadFile(other)
			if err != nil || os.WriteFile(mark, id, 0o600) != nil {
				t.Fatal(err)
			}
		}
		bootID = c.boot
		d, err := startHere(o)
		needStart(t, err)
		if _, err := os.Stat(mark); (err == nil) != (c.boot != "/nowhere") {
			t.Errorf("%s: while it runs, the mark is there: %v", c.name, err)
		}
		if got := kept(d); got != c.kept {
			t.Errorf("%s: the cache is there: %t", c.name, got)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(mark); err == nil {
			t.Errorf("%s: the mark is left", c.name)
		}
	}
}

// An engine can be killed between creating a snapshot's directory and its record. The next engine reuses the number.
func TestKilledInSnapshot(t *testing.T) {
	o := options(t)
	run := func() {
		t.Helper()
		d, err := startHere(o)
		needStart(t, err)
		use(t, d, func(c *client.Client) {
			if _, err := build(t.Context(), c, []string{"write", "/tmp/x", "x"}); err != nil {
				t.Error(err)
			}
		})
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
	run()
	boot, err := os.ReadFile(bootID)
	if err != nil {
		t.Skip("this system does not name its boots")
	}
	if err := os.WriteFile(filepath.Join(o.dir(), unsyncedName), boot, 0o600); err != nil {
		t.Fatal(err)
	}
	for n := range 30 { // more than the first build created
		dir := filepath.Join(o.dir(), "runc-"+snapshotter, "snapshots/snapshots", strconv.Itoa(n))
		if _, err := os.Stat(dir); err == nil {
			continue
		}
		if err := os.MkdirAll(filepath.Join(dir, "fs"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	run()
}

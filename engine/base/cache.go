package base

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// cache is the part of the cache directory that one base uses:
//
//	downloads/SHA256   packages and indexes, shared by all bases
//	bases/KEY/         a finished base, an immutable OCI layout; deleted when no name points to it any more
//	names/ID.json      the record with the latest key for a request
//	tmp/ID/            files being written by the holder of locks/ID
type cache struct {
	dir, id, arch string
}

const (
	downloadsDir = "downloads"
	basesDir     = "bases"
	namesDir     = "names"
	tmpDir       = "tmp"
	locksDir     = "locks"
)

// record is the metadata of a finished base.
type record struct {
	Key      string    `json:"key"`
	Base     string    `json:"base"`
	Made     time.Time `json:"made"`
	Sources  []source  `json:"sources"`
	Lists    []string  `json:"lists"` // lists of packages, one per source: the download's name and its compression suffix
	Packages []*pkg    `json:"packages"`
}

func (c *cache) path(elem ...string) string {
	return filepath.Join(append([]string{c.dir}, elem...)...)
}

func (c *cache) prepare() error {
	for _, d := range []string{downloadsDir, basesDir, namesDir, tmpDir, locksDir} {
		if err := os.MkdirAll(c.path(d), 0o700); err != nil {
			return cacheFault(err)
		}
	}
	return nil
}

// lookup returns the latest base for this request and when it was made, or nil. An unreadable record or layout
// counts as missing and is made again.
func (c *cache) lookup() (*Layout, time.Time) {
	r := readRecord(c.path(namesDir, c.id+".json"))
	if r.Key == "" {
		return nil, r.Made
	}
	return c.open(r.Key), r.Made
}

// readRecord reads a record. It returns an empty one if the file cannot be read.
func readRecord(file string) (r record) {
	raw, err := os.ReadFile(file)
	if err != nil || json.Unmarshal(raw, &r) != nil || !filepath.IsLocal(r.Key) {
		return record{}
	}
	return r
}

func (c *cache) open(key string) *Layout {
	l, err := openLayout(c.path(basesDir, key), "", c.arch)
	if err != nil {
		return nil
	}
	return l
}

// lock acquires the lock for this base. It calls waiting once if another process holds the lock.
func (c *cache) lock(ctx context.Context, waiting func()) (unlock func(), err error) {
	l := flock.New(c.path(locksDir, c.id))
	ok, err := l.TryLock()
	if err == nil && !ok {
		waiting()
		_, err = l.TryLockContext(ctx, 100*time.Millisecond)
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, cacheFault(err)
	}
	return func() { _ = l.Unlock() }, nil // the end of the process also unlocks
}

// scratch returns an empty directory for temporary files. Only the holder of the lock may call it, because it removes what
// a killed process left there.
func (c *cache) scratch() (string, error) {
	dir := c.path(tmpDir, c.id)
	if err := os.RemoveAll(dir); err != nil {
		return "", cacheFault(err)
	}
	return dir, cacheFault(os.Mkdir(dir, 0o700))
}

// publish moves a finished layout to its key and points the request's name to it.
func (c *cache) publish(layout string, r record) (*Layout, error) {
	final := c.path(basesDir, r.Key)
	if c.open(r.Key) == nil {
		if err := os.RemoveAll(final); err != nil { // broken or incomplete, so nobody can be using it
			return nil, cacheFault(err)
		}
		err := os.Rename(layout, final)
		if err != nil && !errors.Is(err, fs.ErrExist) { // another request published the same packages concurrently
			return nil, cacheFault(err)
		}
	}
	return c.point(r)
}

// point points the request's name to an existing base and releases the previous one.
func (c *cache) point(r record) (*Layout, error) {
	raw, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return nil, fault.Wrap(fault.Bug, err, "the record of the base %s cannot be written", r.Base)
	}
	name, part := c.path(namesDir, c.id+".json"), c.path(tmpDir, c.id, "name")
	before := readRecord(name)
	if err := os.WriteFile(part, append(raw, '\n'), 0o600); err != nil {
		return nil, cacheFault(err)
	}
	if err := os.Rename(part, name); err != nil {
		return nil, cacheFault(err)
	}
	l := c.open(r.Key)
	if l == nil {
		return nil, fault.New(fault.TryAgain, "the base %s was removed from the cache %s while it was being made", r.Base, c.dir).
			WithHint("try again; is another process cleaning the cache?")
	}
	c.release(before.Key)
	c.sweep(r.Made)
	return l, nil
}

// release deletes a base that no name points to. A build that uses it keeps its files open.
func (c *cache) release(key string) {
	names, err := fs.Glob(os.DirFS(c.path(namesDir)), "*.json")
	if err != nil {
		return
	}
	for _, n := range names {
		if readRecord(c.path(namesDir, n)).Key == key {
			return
		}
	}
	if key != "" {
		_ = os.RemoveAll(c.path(basesDir, key)) // if it fails, the base stays
	}
}

// sweep deletes downloads that no base has used for a long time, and equally old temporary files of killed
// processes.
func (c *cache) sweep(now time.Time) {
	for _, dir := range []string{downloadsDir, tmpDir} {
		files, _ := os.ReadDir(c.path(dir))
		for _, f := range files {
			if info, err := f.Info(); err == nil && now.Sub(info.ModTime()) > stale {
				_ = os.RemoveAll(c.path(dir, f.Name())) // if it fails, the file stays
			}
		}
	}
}

// cacheFault wraps an error of the cache directory.
func cacheFault(err error) error {
	return fault.Wrap(fault.TryAgain, err, "cannot write the cache: %v", err)
}

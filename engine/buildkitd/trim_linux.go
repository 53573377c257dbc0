package buildkitd

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/moby/buildkit/client"
	"github.com/sirupsen/logrus"
)

// trimmedFile records the state's extent when the cache was last trimmed.
const trimmedFile = "trimmed"

// trim trims the cache. BuildKit itself would do so minutes after a build, when this process is gone. If trimming does
// not finish, for lack of time or because the user interrupts, that is no failure: the next engine continues.
func (d *daemon) trim(ctx context.Context) {
	file := filepath.Join(d.dir, trimmedFile)
	if last, err := os.ReadFile(file); err == nil && len(last) > 0 && string(last) == d.extent() {
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-d.o.Force:
			cancel()
		case <-ctx.Done():
		}
	}()
	err := d.server.collect(ctx)
	if err == nil {
		err = os.WriteFile(file, []byte(d.extent()), 0o600)
	}
	if err != nil {
		logrus.WithError(err).Warn("trimming the cache")
	}
}

// extent returns a value that changes with every added or removed snapshot, and with the GC policy. Trimming takes time
// for every snapshot, and a fully cached build creates none. extent returns "" if the value is unknown.
func (d *daemon) extent() string {
	info, err := os.Stat(filepath.Join(d.dir, "runc-"+snapshotter, "snapshots", "metadata.db"))
	if err != nil {
		return ""
	}
	return fmt.Sprintln(info.ModTime().UnixNano(), d.server.worker.GCPolicy())
}

// collect removes everything that the policy does not keep.
func (s *server) collect(ctx context.Context) error {
	records := make(chan client.UsageInfo)
	removed := make(chan bool)
	go func() {
		any := false
		for range records {
			any = true
		}
		removed <- any
	}()
	err := s.worker.Prune(ctx, records, s.worker.GCPolicy()...)
	close(records)
	if <-removed && err == nil {
		err = s.cache.ReleaseUnreferenced(ctx) // cache keys whose results are gone
	}
	return err
}

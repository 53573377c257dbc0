package solve

import (
	"context"

	"github.com/moby/buildkit/client"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// Usage is the disk usage of the builder in bytes.
type Usage struct {
	Layers           int64 // of steps and of their base images
	CacheDirectories int64
	Sources          int64 // copies of app files and of other local sources
	Other            int64 // internal data of the builder
}

// Total returns the sum of all kinds.
func (u Usage) Total() int64 { return u.Layers + u.CacheDirectories + u.Sources + u.Other }

// Usage asks the builder for its disk usage.
func (e *Engine) Usage(ctx context.Context) (Usage, error) {
	var u Usage
	records, err := e.client.DiskUsage(ctx)
	if err != nil {
		return u, fault.Wrap(fault.TryAgain, err, "cannot get the disk usage of %s", e.where)
	}
	for _, r := range records {
		switch r.RecordType {
		case client.UsageRecordTypeRegular:
			u.Layers += r.Size
		case client.UsageRecordTypeCacheMount:
			u.CacheDirectories += r.Size
		case client.UsageRecordTypeLocalSource, client.UsageRecordTypeGitCheckout:
			u.Sources += r.Size
		default:
			u.Other += r.Size
		}
	}
	return u, nil
}

// Prune deletes data that no running build uses, and returns the number of bytes freed. With keep, it deletes only enough
// to reduce the cache to keep bytes. With all, it also deletes the builder's internal data.
func (e *Engine) Prune(ctx context.Context, all bool, keep int64) (int64, error) {
	opts := []client.PruneOption{client.WithKeepOpt(0, keep, keep, 0)} // older BuildKits know only the first two
	if all {
		opts = append(opts, client.PruneAll)
	}
	freed := make(chan client.UsageInfo)
	total := make(chan int64)
	go func() {
		var sum int64
		for r := range freed {
			sum += r.Size
		}
		total <- sum
	}()
	err := e.client.Prune(ctx, freed, opts...)
	close(freed)
	sum := <-total
	return sum, fault.Wrap(fault.TryAgain, err, "cannot prune the cache of %s", e.where)
}

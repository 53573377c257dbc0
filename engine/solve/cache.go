package solve

import (
	"context"

	"github.com/moby/buildkit/client"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// Usage is what the builder keeps, in bytes.
type Usage struct {
	Layers           int64 // of steps, and of the images that they start from
	CacheDirectories int64
	Sources          int64 // copies of apps' files, and of other directories that builds read
	Other            int64 // what the builder keeps for itself
}

// Total is all that the builder keeps.
func (u Usage) Total() int64 { return u.Layers + u.CacheDirectories + u.Sources + u.Other }

// Usage asks the builder what it keeps.
func (e *Engine) Usage(ctx context.Context) (Usage, error) {
	var u Usage
	records, err := e.client.DiskUsage(ctx)
	if err != nil {
		return u, fault.Wrap(fault.TryAgain, err, "%s does not say what it keeps", e.where)
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

// Prune frees what no running build uses and gives the bytes of it; with keep, only so much that no more bytes than that
// stay. With all, also what the builder would keep for its own use.
func (e *Engine) Prune(ctx context.Context, all bool, keep int64) (int64, error) {
	opts := []client.PruneOption{client.WithKeepOpt(0, keep, keep, 0)} // older BuildKits know the first of these two alone
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
	return sum, fault.Wrap(fault.TryAgain, err, "%s does not prune", e.where)
}

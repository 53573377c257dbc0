package solve

import (
	"context"

	"github.com/moby/buildkit/client"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// Usage is how many bytes the builder keeps: layers, sources and cache directories.
func (e *Engine) Usage(ctx context.Context) (int64, error) {
	records, err := e.client.DiskUsage(ctx)
	if err != nil {
		return 0, fault.Wrap(fault.TryAgain, err, "%s does not say what it keeps", e.where)
	}
	var sum int64
	for _, r := range records {
		sum += r.Size
	}
	return sum, nil
}

// Prune frees what no running build uses and gives the bytes of it. With all, also what the builder would keep for
// its own use.
func (e *Engine) Prune(ctx context.Context, all bool) (int64, error) {
	var opts []client.PruneOption
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

package buildkitd

import (
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/cmd/buildkitd/config"
	"github.com/moby/buildkit/util/disk"
)

// gcPolicy is BuildKit's default for the disk that holds dir; with keep, no more bytes than that stay.
func gcPolicy(dir string, keep int64) []client.PruneInfo {
	stat, _ := disk.GetDiskStat(dir) // without it the policy falls back to fixed sizes
	limits := config.GCConfig{}
	if keep > 0 {
		limits = config.DetectDefaultGCCap(stat)
		limits.GCMaxUsedSpace = config.DiskSpace{Bytes: keep}
		if limits.GCReservedSpace.AsBytes(stat) > keep {
			limits.GCReservedSpace = config.DiskSpace{Bytes: keep}
		}
	}
	var out []client.PruneInfo
	for _, p := range config.DefaultGCPolicy(limits, stat) {
		out = append(out, client.PruneInfo{
			Filter: p.Filters, All: p.All, KeepDuration: p.KeepDuration.Duration,
			ReservedSpace: p.ReservedSpace.AsBytes(stat), MaxUsedSpace: p.MaxUsedSpace.AsBytes(stat),
			MinFreeSpace: p.MinFreeSpace.AsBytes(stat),
		})
	}
	return out
}

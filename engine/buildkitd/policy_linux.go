package buildkitd

import (
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/cmd/buildkitd/config"
	"github.com/moby/buildkit/util/disk"
)

// gcPolicy returns BuildKit's default GC policy for the disk that holds dir. If keep is positive, it caps the used space,
// in bytes.
func gcPolicy(dir string, keep int64) []client.PruneInfo {
	stat, _ := disk.GetDiskStat(dir) // on error, the policy falls back to fixed sizes
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

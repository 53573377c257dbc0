package buildkitd

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	ctdmetadata "github.com/containerd/containerd/v2/core/metadata"
	"github.com/containerd/containerd/v2/core/snapshots"
	contentlocal "github.com/containerd/containerd/v2/plugins/content/local"
	"github.com/containerd/containerd/v2/plugins/diff/walking"
	"github.com/containerd/containerd/v2/plugins/snapshots/overlay"
	"github.com/containerd/errdefs"
	"github.com/containerd/platforms"
	"github.com/moby/buildkit/cache/metadata"
	"github.com/moby/buildkit/executor/oci"
	"github.com/moby/buildkit/executor/resources"
	"github.com/moby/buildkit/executor/runcexecutor"
	containerdsnapshot "github.com/moby/buildkit/snapshot/containerd"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/leaseutil"
	"github.com/moby/buildkit/util/network"
	"github.com/moby/buildkit/worker/base"
	wlabel "github.com/moby/buildkit/worker/label"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	bolt "go.etcd.io/bbolt"

	"github.com/nixpacks-cue/nixpacks/engine/buildkitd/ocirt"
)

const (
	snapshotter = "overlayfs"
	ctdName     = "buildkit" // the namespace of BuildKit's data in containerd's database
)

// workerOpt returns the same options as BuildKit's NewWorkerOpt for runc, with two differences: everything it opens is
// closed with the server (BuildKit leaves that to the end of the process), and running steps are counted.
func (s *server) workerOpt(ctx context.Context, dir string, o Options, rootless bool) (opt base.WorkerOpt, err error) {
	opt = base.WorkerOpt{
		Root:          filepath.Join(dir, "runc-"+snapshotter),
		Labels:        workerLabels(),
		Platforms:     []ocispecs.Platform{platforms.Normalize(platforms.DefaultSpec())},
		MountPoolRoot: filepath.Join(dir, "runc-"+snapshotter, "cachemounts"),
	}
	if err := os.MkdirAll(opt.Root, 0o700); err != nil {
		return opt, err
	}
	if opt.ID, err = base.ID(opt.Root); err != nil {
		return opt, err
	}
	if opt.ResourceMonitor, err = resources.NewMonitor(); err != nil {
		return opt, err
	}
	var mode pb.NetMode
	opt.NetworkProviders, mode = stepNetworks(o.Network)
	if s.steps, err = newSteps(dir, o, rootless, mode, opt); err != nil {
		return opt, err
	}
	opt.Executor = s.steps
	if err := s.openStores(ctx, &opt); err != nil {
		return opt, err
	}
	if opt.MetadataStore, err = metadata.NewStore(filepath.Join(opt.Root, "metadata_v2.db")); err != nil { // closed by the worker
		return opt, err
	}
	if db, ok := opt.MetadataStore.DB().(*bolt.DB); ok {
		db.NoSync = s.unsynced
	}
	return opt, nil
}

// openStores opens the layer stores: snapshots, content, and the metadata database of both.
func (s *server) openStores(ctx context.Context, opt *base.WorkerOpt) error {
	snaps, err := overlay.NewSnapshotter(filepath.Join(opt.Root, "snapshots"), overlay.AsynchronousRemove)
	if err != nil {
		return err
	}
	s.closers = append(s.closers, snaps)
	if s.killed {
		if err := removeUnrecorded(ctx, snaps, filepath.Join(opt.Root, "snapshots", "snapshots")); err != nil {
			return err
		}
	}
	content, err := contentlocal.NewStore(filepath.Join(opt.Root, "content"))
	if err != nil {
		return err
	}
	db, err := bolt.Open(filepath.Join(opt.Root, "containerdmeta.db"), 0o600, &bolt.Options{FreelistType: bolt.FreelistMapType, NoSync: s.unsynced})
	if err != nil {
		return err
	}
	s.closers = append(s.closers, db)
	mdb := ctdmetadata.NewDB(db, content, map[string]snapshots.Snapshotter{snapshotter: snaps})
	if err := mdb.Init(ctx); err != nil {
		return err
	}
	store := containerdsnapshot.NewContentStore(boundedStore{mdb.ContentStore()}, ctdName)
	opt.Snapshotter = containerdsnapshot.NewSnapshotter(snapshotter, mdb.Snapshotter(snapshotter), ctdName, nil)
	opt.ContentStore, opt.Applier, opt.Differ = store, applier{store}, walking.NewWalkingDiff(store)
	opt.LeaseManager = leaseutil.WithNamespace(ctdmetadata.NewLeaseManager(mdb), ctdName)
	opt.GarbageCollect = mdb.GarbageCollect
	return nil
}

// removeUnrecorded removes snapshot directories that have no record. A killed engine can leave one behind, which would
// block the next snapshot with the same number.
func removeUnrecorded(ctx context.Context, snaps snapshots.Snapshotter, dir string) error {
	c, ok := snaps.(snapshots.Cleaner)
	if !ok {
		return nil
	}
	err := c.Cleanup(ctx)
	if !errdefs.IsNotFound(err) {
		return err
	}
	return errors.Join(os.RemoveAll(dir), os.Mkdir(dir, 0o700)) // there is no record at all
}

func workerLabels() map[string]string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return map[string]string{
		wlabel.Executor: "oci", wlabel.Snapshotter: snapshotter, wlabel.Hostname: host,
		wlabel.OCIProcessMode: oci.ProcessSandbox.String(),
	}
}

// stepNetworks returns BuildKit's network providers, and the network mode of steps that do not set one.
func stepNetworks(name string) (map[pb.NetMode]network.Provider, pb.NetMode) {
	mode, host, none := pb.NetMode_HOST, network.NewHostProvider(), network.NewNoneProvider()
	if name == NetworkNone {
		mode = pb.NetMode_NONE
	}
	return map[pb.NetMode]network.Provider{pb.NetMode_HOST: host, pb.NetMode_NONE: none}, mode
}

func newSteps(dir string, o Options, rootless bool, mode pb.NetMode, opt base.WorkerOpt) (*steps, error) {
	runtime, err := ocirt.Install(dir)
	if err != nil {
		return nil, err
	}
	x, err := runcexecutor.New(runcexecutor.Opt{
		Root:              filepath.Join(opt.Root, "executor"),
		CommandCandidates: []string{runtime},
		Rootless:          rootless,
		ProcessMode:       oci.ProcessSandbox,
		DNS:               dnsConfig(o.DNS, "/etc/resolv.conf"),
		ResourceMonitor:   opt.ResourceMonitor,
	}, opt.NetworkProviders)
	if err != nil {
		return nil, err
	}
	return &steps{Executor: x, mode: mode}, nil
}

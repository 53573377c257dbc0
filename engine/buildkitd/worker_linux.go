package buildkitd

import (
	"context"
	"io"
	"os"
	"path/filepath"

	"github.com/containerd/containerd/v2/core/diff/apply"
	ctdmetadata "github.com/containerd/containerd/v2/core/metadata"
	"github.com/containerd/containerd/v2/core/snapshots"
	contentlocal "github.com/containerd/containerd/v2/plugins/content/local"
	"github.com/containerd/containerd/v2/plugins/diff/walking"
	"github.com/containerd/containerd/v2/plugins/snapshots/overlay"
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
	ctdName     = "buildkit" // of our part of containerd's database
)

// workerOpt is what BuildKit's own NewWorkerOpt gives for runc, with two differences: everything it opens is
// closed with the server (BuildKit leaves that to the end of the process), and steps are counted.
func (s *server) workerOpt(ctx context.Context, dir string, o Options, rootless bool) (base.WorkerOpt, error) {
	var opt base.WorkerOpt
	root := filepath.Join(dir, "runc-"+snapshotter)
	if err := os.MkdirAll(root, 0o700); err != nil {
		return opt, err
	}
	monitor, err := resources.NewMonitor()
	if err != nil {
		return opt, err
	}
	networks, mode := stepNetworks(o.Network)
	if s.steps, err = newSteps(dir, root, o, rootless, networks, mode, monitor); err != nil {
		return opt, err
	}
	snaps, err := overlay.NewSnapshotter(filepath.Join(root, "snapshots"), overlay.AsynchronousRemove)
	if err != nil {
		return opt, err
	}
	s.closers = append(s.closers, snaps)
	mdb, err := s.openMetadata(ctx, root, snaps)
	if err != nil {
		return opt, err
	}
	id, err := base.ID(root)
	if err != nil {
		return opt, err
	}
	md, err := metadata.NewStore(filepath.Join(root, "metadata_v2.db")) // closed by the worker
	if err != nil {
		return opt, err
	}
	store := containerdsnapshot.NewContentStore(mdb.ContentStore(), ctdName)
	return base.WorkerOpt{
		ID: id, Root: root, Labels: workerLabels(),
		MetadataStore: md, NetworkProviders: networks, Executor: s.steps,
		Snapshotter:     containerdsnapshot.NewSnapshotter(snapshotter, mdb.Snapshotter(snapshotter), ctdName, nil),
		ContentStore:    store,
		Applier:         apply.NewFileSystemApplier(store),
		Differ:          walking.NewWalkingDiff(store),
		Platforms:       []ocispecs.Platform{platforms.Normalize(platforms.DefaultSpec())},
		LeaseManager:    leaseutil.WithNamespace(ctdmetadata.NewLeaseManager(mdb), ctdName),
		GarbageCollect:  mdb.GarbageCollect,
		MountPoolRoot:   filepath.Join(root, "cachemounts"),
		ResourceMonitor: monitor,
	}, nil
}

func (s *server) openMetadata(ctx context.Context, root string, snaps snapshots.Snapshotter) (*ctdmetadata.DB, error) {
	content, err := contentlocal.NewStore(filepath.Join(root, "content"))
	if err != nil {
		return nil, err
	}
	db, err := bolt.Open(filepath.Join(root, "containerdmeta.db"), 0o600, &bolt.Options{FreelistType: bolt.FreelistMapType})
	if err != nil {
		return nil, err
	}
	s.closers = append(s.closers, io.Closer(db))
	mdb := ctdmetadata.NewDB(db, content, map[string]snapshots.Snapshotter{snapshotter: snaps})
	return mdb, mdb.Init(ctx)
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

// stepNetworks gives BuildKit's network providers, and the mode of a step that asks for none in particular.
func stepNetworks(name string) (map[pb.NetMode]network.Provider, pb.NetMode) {
	mode, host, none := pb.NetMode_HOST, network.NewHostProvider(), network.NewNoneProvider()
	if name == NetworkNone {
		mode = pb.NetMode_NONE
	}
	return map[pb.NetMode]network.Provider{pb.NetMode_HOST: host, pb.NetMode_NONE: none}, mode
}

func newSteps(dir, root string, o Options, rootless bool, networks map[pb.NetMode]network.Provider, mode pb.NetMode, monitor *resources.Monitor) (*steps, error) {
	runtime, err := ocirt.Install(dir)
	if err != nil {
		return nil, err
	}
	x, err := runcexecutor.New(runcexecutor.Opt{
		Root:              filepath.Join(root, "executor"),
		CommandCandidates: []string{runtime},
		Rootless:          rootless,
		ProcessMode:       oci.ProcessSandbox,
		DNS:               dnsConfig(o.DNS, "/etc/resolv.conf"),
		ResourceMonitor:   monitor,
	}, networks)
	if err != nil {
		return nil, err
	}
	return &steps{Executor: x, mode: mode}, nil
}

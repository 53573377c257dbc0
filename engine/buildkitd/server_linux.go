package buildkitd

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/moby/buildkit/cache/remotecache"
	inlineremotecache "github.com/moby/buildkit/cache/remotecache/inline"
	localremotecache "github.com/moby/buildkit/cache/remotecache/local"
	registryremotecache "github.com/moby/buildkit/cache/remotecache/registry"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/cmd/buildkitd/config"
	"github.com/moby/buildkit/control"
	"github.com/moby/buildkit/exporter"
	"github.com/moby/buildkit/frontend"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/solver"
	"github.com/moby/buildkit/solver/bboltcachestorage"
	"github.com/moby/buildkit/util/archutil"
	"github.com/moby/buildkit/util/db/boltutil"
	"github.com/moby/buildkit/worker"
	"github.com/moby/buildkit/worker/base"
	bolt "go.etcd.io/bbolt"
)

// server is BuildKit's controller with its only worker, and everything that must be closed with them.
type server struct {
	ctrl           *control.Controller
	worker         *base.Worker
	steps          *steps
	cache          solver.CacheManager
	stop           context.CancelFunc // ends the controller's background work
	abortTransfers context.CancelFunc // aborts registry transfers
	closers        closers

	unsynced bool // databases are not synced on every change
	killed   bool // the previous engine may have been killed
}

// closers are closed in reverse order.
type closers []io.Closer

func (c closers) Close() error {
	var errs []error
	for i := len(c) - 1; i >= 0; i-- {
		errs = append(errs, c[i].Close())
	}
	return errors.Join(errs...)
}

// waiter is closed when a goroutine has ended. Close waits for that.
type waiter chan struct{}

func (w waiter) Close() error {
	<-w
	return nil
}

// newServer opens the state in dir. The caller holds its lock and has called checkDatabases.
func newServer(dir string, o Options, rootless bool, found condition) (_ *server, err error) {
	ctx, cancel := context.WithCancel(context.Background()) // outlives the call
	s := &server{stop: cancel, unsynced: found.unsynced, killed: found.killed}
	defer func() {
		if err != nil {
			cancel()
			_ = s.closers.Close()
		}
	}()
	// BuildKit tells clients which platforms this machine can run. It detects them once, by running a program for each.
	// This runs in parallel with the rest of the start. Close waits for it, since it creates temporary files.
	detected := make(waiter)
	s.closers = append(s.closers, detected)
	go func() {
		defer close(detected)
		archutil.SupportedPlatforms(false)
	}()
	lifetime, abortTransfers := context.WithCancel(ctx)
	s.abortTransfers = abortTransfers
	hosts := registryHosts(lifetime, o)
	opt, err := s.workerOpt(ctx, dir, o, rootless)
	if err != nil {
		return nil, err
	}
	opt.RegistryHosts = hosts
	opt.GCPolicy = gcPolicy(dir, o.KeepStorage)
	opt.BuildkitVersion = client.BuildkitVersion{Package: "github.com/moby/buildkit", Version: Version}
	if s.worker, err = newWorker(ctx, opt); err != nil {
		return nil, err
	}
	s.ctrl, err = s.controller(ctx, dir, o, hosts)
	return s, err
}

// newWorker creates BuildKit's worker without its git source. That source runs git to see if it is installed, which would
// be a quarter of the engine's start time, and no build here uses it.
func newWorker(ctx context.Context, opt base.WorkerOpt) (*base.Worker, error) {
	path := os.Getenv("PATH")
	defer os.Setenv("PATH", path)
	if err := os.Setenv("PATH", ""); err != nil {
		return nil, err
	}
	return base.NewWorker(ctx, opt)
}

func (s *server) controller(ctx context.Context, dir string, o Options, hosts docker.RegistryHosts) (*control.Controller, error) {
	sm, err := session.NewManager()
	if err != nil {
		return nil, err
	}
	wc, w := &worker.Controller{}, s.worker
	if err := wc.Add(&ownWorker{w, ctx}); err != nil {
		return nil, err
	}
	cacheStore, err := bboltcachestorage.NewStore(filepath.Join(dir, "cache.db"))
	if err != nil {
		return nil, err
	}
	history, err := boltutil.SafeOpen(filepath.Join(dir, "history.db"), 0o600, &bolt.Options{FreelistType: bolt.FreelistMapType, NoSync: s.unsynced})
	if err != nil {
		_ = cacheStore.Close()
		return nil, err
	}
	s.cache = solver.NewCacheManager(ctx, "local", cacheStore, worker.NewCacheResultStorage(wc))
	none := int64(0) // set explicitly: builds are not recorded
	return control.NewController(control.Opt{
		SessionManager:            sm,
		WorkerController:          wc,
		Frontends:                 map[string]frontend.Frontend{},
		Entitlements:              o.Entitlements,
		ResolveCacheExporterFuncs: cacheExporters(sm, hosts),
		ResolveCacheImporterFuncs: cacheImporters(sm, w, hosts),
		CacheManager:              s.cache,
		CacheStore:                cacheStore,
		HistoryDB:                 history,
		HistoryConfig:             &config.HistoryConfig{MaxEntries: &none},
		LeaseManager:              w.LeaseManager(),
		ContentStore:              w.ContentStore(),
		GarbageCollect:            w.GarbageCollect,
		GracefulStop:              ctx.Done(),
	})
}

func cacheExporters(sm *session.Manager, hosts docker.RegistryHosts) map[string]remotecache.ResolveCacheExporterFunc {
	return map[string]remotecache.ResolveCacheExporterFunc{
		"local":    localremotecache.ResolveCacheExporterFunc(sm),
		"inline":   inlineremotecache.ResolveCacheExporterFunc(),
		"registry": registryremotecache.ResolveCacheExporterFunc(sm, hosts),
	}
}

func cacheImporters(sm *session.Manager, w *base.Worker, hosts docker.RegistryHosts) map[string]remotecache.ResolveCacheImporterFunc {
	return map[string]remotecache.ResolveCacheImporterFunc{
		"local":    localremotecache.ResolveCacheImporterFunc(sm),
		"registry": importRegistryCache(sm, w.ContentStore(), hosts),
	}
}

// Close ends the controller and closes all files. It must be called once, with no build running.
func (s *server) Close() error {
	s.stop()
	return errors.Join(s.ctrl.Close(), s.closers.Close())
}

// ownWorker changes BuildKit's worker in two ways. It stops trimming the cache once its server has ended: the controller
// trims from timers that it does not stop. And it remembers image layers with rewritten timestamps.
type ownWorker struct {
	*base.Worker
	server context.Context
}

// GCPolicy returns the policy that the controller uses to trim the cache.
func (w *ownWorker) GCPolicy() []client.PruneInfo {
	if w.server.Err() != nil {
		return nil
	}
	return w.Worker.GCPolicy()
}

// Exporter returns the named exporter.
func (w *ownWorker) Exporter(name string, sm *session.Manager) (exporter.Exporter, error) {
	e, err := w.Worker.Exporter(name, sm)
	if err != nil {
		return nil, err
	}
	return timedExporter{e, w.ContentStore()}, nil
}

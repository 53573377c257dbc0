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

// server is BuildKit's controller with its one worker, and all that must be closed with it.
type server struct {
	ctrl    *control.Controller
	worker  *base.Worker
	steps   *steps
	cache   solver.CacheManager
	stop    context.CancelFunc // ends the controller's background work
	hangUp  context.CancelFunc // ends transfers with registries
	closers closers

	unsynced bool // databases are not synced with each change
	killed   bool // the engine before may have been
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

// waiter is closed when what it stands for has ended; Close waits for that.
type waiter chan struct{}

func (w waiter) Close() error {
	<-w
	return nil
}

// newServer opens the state in dir, whose lock is held, and which trust has seen.
func newServer(dir string, o Options, rootless bool, found condition) (_ *server, err error) {
	ctx, cancel := context.WithCancel(context.Background()) // outlives the call that started it
	s := &server{stop: cancel, unsynced: found.unsynced, killed: found.killed}
	defer func() {
		if err != nil {
			cancel()
			_ = s.closers.Close()
		}
	}()
	// BuildKit tells every client which platforms' programs this machine can run. It tries a program for each, and does so only
	// once: meanwhile the rest can start. Its end is waited for, since it has files among the temporary ones.
	tried := make(waiter)
	s.closers = append(s.closers, tried)
	go func() {
		defer close(tried)
		archutil.SupportedPlatforms(false)
	}()
	over, hangUp := context.WithCancel(ctx)
	s.hangUp = hangUp
	hosts := registryHosts(over, o)
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

// newWorker makes BuildKit's worker without its source for git repositories: it runs git to see whether it is there,
// which would be a quarter of the time that an engine takes to start, and no build here has such a source.
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
	none := int64(0) // explicitly: builds are not recorded
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
		"registry": registryremotecache.ResolveCacheImporterFunc(sm, w.ContentStore(), hosts),
	}
}

// Close ends the controller and gives back every file. It is called once, with no build running.
func (s *server) Close() error {
	s.stop()
	return errors.Join(s.ctrl.Close(), s.closers.Close())
}

// ownWorker is BuildKit's worker with two differences. Its cache is not trimmed any more once its server has ended: the
// controller does that from timers which it does not stop. And what images have of rewritten times is remembered.
type ownWorker struct {
	*base.Worker
	server context.Context
}

// GCPolicy is the policy by which the controller trims the cache.
func (w *ownWorker) GCPolicy() []client.PruneInfo {
	if w.server.Err() != nil {
		return nil
	}
	return w.Worker.GCPolicy()
}

// Exporter gives the exporter of that type.
func (w *ownWorker) Exporter(name string, sm *session.Manager) (exporter.Exporter, error) {
	e, err := w.Worker.Exporter(name, sm)
	if err != nil {
		return nil, err
	}
	return timedExporter{e, w.ContentStore()}, nil
}

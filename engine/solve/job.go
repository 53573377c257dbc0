package solve

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"sync"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/moby/buildkit/client"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/session/filesync"
	"github.com/tonistiigi/fsutil"
	"github.com/tonistiigi/fsutil/types"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/image"
	"github.com/nixpacks-cue/nixpacks/engine/plan2llb"
	"github.com/nixpacks-cue/nixpacks/engine/progress"
)

// job is one session with the engine.
type job struct {
	opt      client.SolveOpt
	progress progress.Options
	secrets  map[string][]byte // masked in the output
	dirs     *dirs
	closers  []io.Closer
	lowered  *plan2llb.Result // nil until the plan is lowered
	seen     *progress.Record // set by run
	places   []string         // directories of the outputs
}

func (e *Engine) newJob(req Request) (*job, error) {
	given, err := attachables(req)
	if err != nil {
		return nil, err
	}
	from, err := e.caches("--cache-from", req.CacheFrom, 0)
	if err != nil {
		return nil, err
	}
	to, err := e.caches("--cache-to", req.CacheTo, 1)
	if err != nil {
		return nil, err
	}
	shared := req.AppDir
	if shared != "" {
		if shared, err = filepath.Abs(shared); err != nil {
			return nil, fault.Wrap(fault.Usage, err, "cannot find the app's directory %s", req.AppDir)
		}
	}
	d := &dirs{fs: map[string]fsutil.FS{}}
	return &job{progress: req.Progress, secrets: req.Secrets, places: places(req.Outputs), dirs: d, closers: []io.Closer{d}, opt: client.SolveOpt{
		OCIStores:     map[string]content.Store{},
		SharedKey:     shared, // makes BuildKit transfer only changes since this app's last build
		Session:       append(given, filesync.NewFSSyncProvider(d), newLogins()),
		CacheImports:  from,
		CacheExports:  to,
		FrontendAttrs: attest(req.Attest),
		Internal:      true, // keeps the build out of the engine's history
	}}, nil
}

// store opens an image on disk and serves it to BuildKit under id.
func (j *job) store(id, path string, sel image.Select) (*image.Image, error) {
	img, err := image.Open(path, sel)
	if err != nil {
		return nil, err
	}
	j.opt.OCIStores[id] = img.Store()
	j.closers = append(j.closers, img)
	return img, nil
}

func (j *job) close() {
	for _, c := range j.closers {
		c.Close()
	}
}

// attest returns the attestations as frontend attributes.
func attest(kinds map[string]string) map[string]string {
	out := map[string]string{}
	for kind, attrs := range kinds {
		out["attest:"+kind] = attrs
	}
	return out
}

// run runs build as a job of the engine and returns the exporter response. It shows progress meanwhile.
func (e *Engine) run(ctx context.Context, j *job, build gateway.BuildFunc) (map[string]string, error) {
	show, err := j.progress.Open(j.secrets)
	if err != nil {
		return nil, err
	}
	ctx, j.dirs.fail = context.WithCancelCause(ctx)
	defer j.dirs.fail(nil)
	news := make(chan *client.SolveStatus)
	watched := make(chan *progress.Record, 1)
	go func() { watched <- show.Watch(ctx, news) }()
	var own error // error of build itself, which BuildKit would return as text
	res, err := e.client.Build(ctx, j.opt, "nixpacks", func(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
		var out *gateway.Result
		out, own = build(ctx, c)
		return out, own
	}, news)
	j.seen = <-watched
	j.progress.Trace.AddBuild(j.seen, j.lowered)
	if err != nil {
		if own != nil {
			err = own
		}
		return nil, e.explain(ctx, failure{err: err, seen: j.seen, lowered: j.lowered, outputs: j.places})
	}
	return res.ExporterResponse, nil
}

// dirs maps the names of llb.Local sources to directories that a build may read. Directories can be added while the build
// runs.
type dirs struct {
	mu      sync.Mutex
	fail    context.CancelCauseFunc // aborts the job
	fs      map[string]fsutil.FS
	closers []io.Closer
}

// open adds a directory, without the ignored files, to the build context. All files are owned by root.
func (d *dirs) open(name, dir string, ignore []string) error {
	fs, closer, err := openDir(dir, ignore, func(_ string, st *types.Stat) fsutil.MapResult {
		st.Uid, st.Gid = 0, 0
		return fsutil.MapResultKeep
	}, d.broken)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fs[name] = fs
	d.closers = append(d.closers, closer)
	return nil
}

func (d *dirs) broken(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fail != nil {
		d.fail(err)
	}
}

// LookupDir is called by BuildKit's session.
func (d *dirs) LookupDir(name string) (fsutil.FS, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	fs, ok := d.fs[name]
	return fs, ok
}

// Close closes the directories.
func (d *dirs) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	var err error
	for _, c := range d.closers {
		err = errors.Join(err, c.Close())
	}
	d.closers = nil
	return err
}

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
)

// job is one use of the engine.
type job struct {
	opt      client.SolveOpt
	progress Progress
	secrets  map[string][]byte // that are not shown
	dirs     *dirs
	closers  []io.Closer
	lowered  *plan2llb.Result // once it is known
	seen     *tracker         // after run
	places   []string         // that the outputs are written to
}

func (e *Engine) newJob(req Request) (*job, error) {
	given, err := given(req)
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
		SharedKey:     shared, // so that only what changed since this app's last build is sent
		Session:       append(given, filesync.NewFSSyncProvider(d), newLogins()),
		CacheImports:  from,
		CacheExports:  to,
		FrontendAttrs: attest(req.Attest),
		Internal:      true, // no record in the engine's history of builds
	}}, nil
}

// store serves an image on disk to BuildKit under an id.
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

// attest are the attestations as BuildKit reads them.
func attest(kinds map[string]string) map[string]string {
	out := map[string]string{}
	for kind, attrs := range kinds {
		out["attest:"+kind] = attrs
	}
	return out
}

// run runs build as one job of the engine and gives the exporters' answer. Progress is shown meanwhile.
func (e *Engine) run(ctx context.Context, j *job, build gateway.BuildFunc) (map[string]string, error) {
	show, err := j.progress.open(j.secrets)
	if err != nil {
		return nil, err
	}
	ctx, j.dirs.fail = context.WithCancelCause(ctx)
	defer j.dirs.fail(nil)
	news := make(chan *client.SolveStatus)
	watched := make(chan *tracker, 1)
	go func() { watched <- show.watch(ctx, news) }()
	var own error // of build itself: BuildKit would hand it back as text
	res, err := e.client.Build(ctx, j.opt, "nixpacks", func(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
		var out *gateway.Result
		out, own = build(ctx, c)
		return out, own
	}, news)
	j.seen = <-watched
	j.progress.Trace.note(j, show.masker)
	if err != nil {
		if own != nil {
			err = own
		}
		return nil, e.explain(ctx, failure{err: err, seen: j.seen, lowered: j.lowered, outputs: j.places})
	}
	return res.ExporterResponse, nil
}

// dirs are the directories that a build may read, by the name of their llb.Local. They can be added while
// the build runs.
type dirs struct {
	mu      sync.Mutex
	fail    context.CancelCauseFunc // ends the job
	fs      map[string]fsutil.FS
	closers []io.Closer
}

// open gives the build a directory without the ignored files. All files belong to root there.
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

// LookupDir is how BuildKit's session asks.
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

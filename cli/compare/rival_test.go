package compare

import (
	"context"
	"os"
	"path/filepath"
	"runtime"

	"github.com/containerd/containerd/v2/core/content"
	contentlocal "github.com/containerd/containerd/v2/plugins/content/local"
	"github.com/moby/buildkit/client"
	dockerfile "github.com/moby/buildkit/frontend/dockerfile/builder"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/secrets/secretsprovider"
	"github.com/moby/buildkit/util/progress/progressui"
	"github.com/tonistiigi/fsutil"

	"github.com/nixpacks-cue/nixpacks/engine/base"
	"github.com/nixpacks-cue/nixpacks/engine/buildkitd"
	"github.com/nixpacks-cue/nixpacks/engine/image"
	"github.com/nixpacks-cue/nixpacks/engine/plan2llb"
	"github.com/nixpacks-cue/nixpacks/engine/progress"
	"github.com/nixpacks-cue/nixpacks/engine/solve"
)

const baseRef = "debian://trixie"

// rival is one way to build an app.
type rival struct {
	name  string
	out   string // the OCI layout that it writes
	build func(context.Context) error
}

// size returns the size in bytes of the layers of the last image.
func (r rival) size() (int64, error) {
	img, err := image.Open(r.out, image.Select{})
	if err != nil {
		return 0, err
	}
	defer img.Close()
	var sum int64
	for _, l := range img.Manifest.Layers {
		sum += l.Size
	}
	return sum, nil
}

// field is the BuildKit that runs all builds, and the folder of the app.
type field struct {
	dir    string
	engine *solve.Engine
	client *client.Client
	done   func() error
	base   *base.Layout
	edits  int
}

func newField(ctx context.Context, tmp string) (*field, error) {
	b := &field{dir: filepath.Join(tmp, "app")}
	opts := buildkitd.Options{State: filepath.Join(tmp, "state"), Entitlements: []string{"network.host"}}
	var err error
	if b.engine, err = solve.Connect(ctx, solve.Target{Embedded: opts}); err != nil {
		return nil, err
	}
	if b.client, b.done, _, err = buildkitd.Connect(ctx, opts); err != nil {
		return nil, err
	}
	return b, nil
}

func (b *field) close() {
	b.done()
	b.engine.Close()
}

func (b *field) next() int { b.edits++; return b.edits }

// forget empties the BuildKit, and removes the rival's output. The file of the base stays.
func (b *field) forget(ctx context.Context, r rival) error {
	if err := os.RemoveAll(r.out); err != nil {
		return err
	}
	_, err := b.engine.Prune(ctx, true, 0)
	return err
}

func (b *field) rivals(ctx context.Context, a subject) ([]rival, error) {
	out := func(name string) string { return filepath.Join(filepath.Dir(b.dir), "out-"+name) + "/" }
	if err := a.write(b.dir); err != nil {
		return nil, err
	}
	slim, err := b.plan(true)
	if err != nil {
		return nil, err
	}
	whole, err := b.plan(false) // Nixpacks has no separate run image
	if err != nil {
		return nil, err
	}
	ours := rival{name: "this program", out: out("ours")}
	ours.build = func(ctx context.Context) error {
		return b.ours(ctx, slim, ours.out, plan2llb.Caps{Merge: true, Diff: true})
	}
	plain := rival{name: "without MergeOp", out: out("plain")}
	plain.build = func(ctx context.Context) error { return b.ours(ctx, slim, plain.out, plan2llb.Caps{}) }
	// The first build also makes the base.
	if err := ours.build(ctx); err != nil {
		return nil, err
	}
	if b.base, err = base.Resolve(ctx, base.Request{Ref: baseRef, Arch: runtime.GOARCH, CacheDir: cacheDir(), Offline: true}, nil); err != nil {
		return nil, err
	}
	written, err := nixpacksDockerfile(whole)
	if err != nil {
		return nil, err
	}
	byHand, err := os.ReadFile(filepath.Join("testdata", a.example+".Dockerfile"))
	if err != nil {
		return nil, err
	}
	nix := rival{name: "Nixpacks' Dockerfile", out: out("nixpacks")}
	nix.build = func(ctx context.Context) error { return b.dockerfile(ctx, written, nix.out) }
	hand := rival{name: "Dockerfile by hand", out: out("hand")}
	hand.build = func(ctx context.Context) error { return b.dockerfile(ctx, string(byHand), hand.out) }
	return []rival{ours, plain, nix, hand}, nil
}

// dockerfile builds a Dockerfile with BuildKit's own frontend. Its steps get the same certificates as this program's, and
// its layers are compressed in the same way.
func (b *field) dockerfile(ctx context.Context, text, out string) error {
	folder, err := os.MkdirTemp("", "bench-dockerfile")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	if err := os.WriteFile(filepath.Join(folder, "Dockerfile"), []byte(trusting(text)), 0o644); err != nil {
		return err
	}
	var dirs [2]fsutil.FS
	for i, d := range []string{b.dir, folder} {
		if dirs[i], err = fsutil.NewFS(d); err != nil {
			return err
		}
	}
	bundle, err := os.ReadFile(*ca)
	if err != nil {
		return err
	}
	from, err := contentlocal.NewStore(b.base.Dir)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	to, err := contentlocal.NewStore(out)
	if err != nil {
		return err
	}
	news, shown := make(chan *client.SolveStatus), make(chan error, 1)
	go func() { shown <- b.show(ctx, news) }()
	res, err := b.client.Build(ctx, client.SolveOpt{
		FrontendAttrs: map[string]string{"context:base": "oci-layout://base@" + b.base.Digest.String()},
		LocalMounts:   map[string]fsutil.FS{"context": dirs[0], "dockerfile": dirs[1]},
		OCIStores:     map[string]content.Store{"base": from},
		Session:       []session.Attachable{secretsprovider.FromMap(map[string][]byte{"ca": bundle})},
		Exports:       []client.ExportEntry{{Type: "oci", Attrs: map[string]string{"tar": "false", "compression": "zstd"}, OutputStore: to}},
	}, "", dockerfile.Build, news)
	<-shown
	if err != nil {
		return err
	}
	return writeIndex(out, res.ExporterResponse)
}

func (b *field) show(ctx context.Context, news chan *client.SolveStatus) error {
	if !*verbose {
		for range news {
		}
		return nil
	}
	d, err := progressui.NewDisplay(os.Stderr, progressui.PlainMode)
	if err == nil {
		_, err = d.UpdateFrom(ctx, news)
	}
	return err
}

func cacheDir() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		panic(err)
	}
	return filepath.Join(dir, "nixpacks")
}

func (b *field) progress() progress.Options {
	if *verbose {
		return progress.Options{Mode: "plain", Out: os.Stderr}
	}
	return progress.Options{Mode: "quiet"}
}

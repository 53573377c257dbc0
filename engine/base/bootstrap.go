package base

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// downloads is the number of packages downloaded concurrently.
const downloads = 6

// otherArch maps GOARCH to Debian's name where they differ.
var otherArch = map[string]string{"386": "i386", "arm": "armhf", "ppc64le": "ppc64el", "mips64le": "mips64el"}

// bootstrap builds the base. The caller holds the cache's lock.
func (d *debian) bootstrap(ctx context.Context, c *cache, run Runner) (*Layout, error) {
	tmp, err := c.scratch()
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp)
	d.fetch = newFetcher(c.path(downloadsDir), tmp, d.pause)
	d.fetch.logins = logins(d.Auth)
	if err := d.fetch.trust(d.CAFile); err != nil {
		return nil, err
	}
	d.at = d.now().UTC()
	d.Progress("reading the Debian archive's index of " + d.suite)
	d.fetch.counter = &counter{what: "index", tell: d.Count}
	rels, err := d.releases(ctx)
	if err != nil {
		return nil, err
	}
	chosen, err := d.choose(ctx, rels)
	if err != nil {
		return nil, err
	}
	rec := record{Base: d.Ref, Made: d.at, Packages: chosen.sorted(), Key: d.key(chosen, rels)}
	for _, r := range rels {
		rec.Sources = append(rec.Sources, source{redact(r.URI), r.Suite, r.AnyAge})
		rec.Lists = append(rec.Lists, r.list)
	}
	if c.open(rec.Key) != nil { // the archive has nothing new
		return c.point(rec)
	}
	debs, err := d.download(ctx, chosen, redact(rels[0].URI))
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(tmp, "layout")
	if err := d.build(ctx, run, chosen, debs, d.aptSources(rels), tmp, dir); err != nil {
		return nil, err
	}
	return c.publish(dir, rec)
}

// key identifies a base by its content: the packages and what this program adds to them.
func (d *debian) key(c *choice, rels []*release) string {
	return rels[0].codename + "-" + d.Arch + "-" + d.flavour.name + "-" +
		hashOf([]any{format, d.recipe(), d.aptSources(rels), string(d.ownKeys()), c.sorted()})[:32]
}

// ownKeys returns the keys that the base needs for apt to accept an archive not signed by Debian, or nil.
func (d *debian) ownKeys() []byte {
	if d.Keyring == "" {
		return nil
	}
	return d.keys.raw
}

func (d *debian) choose(ctx context.Context, rels []*release) (*choice, error) {
	set := newPackageSet()
	for _, r := range rels {
		if err := r.packages(ctx, d.fetch, d.debianArch(), set); err != nil {
			return nil, err
		}
	}
	set.index()
	return choose(set, d.debianArch(), d.flavour.packagesFor(set))
}

// debianArch returns Debian's name of the architecture.
func (d *debian) debianArch() string { return cmp.Or(otherArch[d.Arch], d.Arch) }

// download fetches the packages concurrently and returns their files by package name.
func (d *debian) download(ctx context.Context, c *choice, from string) (map[string]string, error) {
	pkgs := c.sorted()
	var total int64
	for _, p := range pkgs {
		total += p.size
	}
	d.Progress(fmt.Sprintf("%s: %d packages, %.1f MB, from %s", d.Ref, len(pkgs), float64(total)/1e6, from))
	d.fetch.counter = &counter{what: "packages", tell: d.Count, all: total}
	debs, mu := map[string]string{}, sync.Mutex{}
	eg, ctx := errgroup.WithContext(ctx)
	eg.SetLimit(downloads)
	for _, p := range pkgs {
		eg.Go(func() error {
			file, err := d.fetch.file(ctx, p.SHA256, p.size, p.address)
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			debs[p.Name] = file
			return nil
		})
	}
	return debs, eg.Wait()
}

// build writes the layout of the finished base to dir.
func (d *debian) build(ctx context.Context, run Runner, c *choice, debs map[string]string, sources, tmp, dir string) error {
	epoch, err := epochOf(debs)
	if err != nil {
		return fault.Wrap(fault.Refused, err, "a Debian package cannot be read")
	}
	platform := ocispecs.Platform{OS: "linux", Architecture: d.Arch}
	stage, err := d.stage(c, debs, sources, filepath.Join(tmp, "stage"), platform, epoch)
	if err != nil {
		return err
	}
	defer os.RemoveAll(stage.Layout.Dir)
	d.Progress(d.Ref + ": installing the packages")
	out, err := newLayout(dir, true)
	if err != nil {
		return cacheFault(err)
	}
	ly, err := out.addLayer(func(w io.Writer) error { return second(ctx, run, stage, tmp, epoch, w) })
	if err != nil {
		return fault.Wrap(fault.TryAgain, err, "the base %s cannot be written: %v", d.Ref, err)
	}
	cfg := ocispecs.ImageConfig{Env: d.flavour.env, Cmd: []string{"/bin/bash"}}
	_, err = out.finish(ly, platform, cfg, epoch)
	return cacheFault(err)
}

// stage writes the first stage's layout and returns the second stage.
func (d *debian) stage(c *choice, debs map[string]string, sources, dir string, platform ocispecs.Platform, epoch time.Time) (Stage, error) {
	out, err := newLayout(dir, false)
	if err != nil {
		return Stage{}, cacheFault(err)
	}
	w := stageInput{flavour: d.flavour, choice: c, debs: debs, sources: sources, keys: d.ownKeys(), epoch: epoch}
	ly, err := out.addLayer(w.write)
	if err != nil {
		return Stage{}, fault.Wrap(fault.TryAgain, err, "the base %s cannot be written: %v", d.Ref, err)
	}
	env := stageEnv(strconv.FormatInt(epoch.Unix(), 10))
	layout, err := out.finish(ly, platform, ocispecs.ImageConfig{Env: env}, epoch)
	if err != nil {
		return Stage{}, cacheFault(err)
	}
	return Stage{Name: "installing the packages of " + d.Ref, Layout: layout, Args: []string{"/" + stageDir + "/configure"}, Env: env}, nil
}

// second runs the second stage and writes its file system, normalised, to w.
func second(ctx context.Context, run Runner, stage Stage, tmp string, epoch time.Time, w io.Writer) error {
	spool, err := os.CreateTemp(tmp, "spool-")
	if err != nil {
		return err
	}
	defer os.Remove(spool.Name())
	defer spool.Close()
	pr, pw := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := run(ctx, stage, pw)
		pw.CloseWithError(err) // the reader gets the error that ends the stream
		done <- err
	}()
	files, err := readEntries(pr, spool)
	if err == nil {
		_, err = io.Copy(io.Discard, pr) // padding after the end of the archive
	}
	pr.CloseWithError(err)
	if runErr := <-done; err == nil {
		err = runErr
	}
	if err != nil {
		return err
	}
	return writeEntries(files, spool, epoch, w)
}

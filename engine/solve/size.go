package solve

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/containerd/platforms"
	"github.com/docker/go-units"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/image"
	"github.com/nixpacks-cue/nixpacks/engine/plan2llb"
)

// largestNamed is the number of layers listed in the message about an image that is too large.
const largestNamed = 5

// notOfLayers lists output attributes that do not affect the image size.
var notOfLayers = []string{"push", "push-by-digest", "registry.insecure", "unpack", "store", "dangling-name-prefix", "name-canonical", "name", "tar"}

// measured builds the image once to determine its size, if an output would otherwise be written before the size is known.
// That is true for all outputs except a layout directory. It returns the report of that build, and the request for the
// real build, whose steps are then cached.
func (e *Engine) measured(ctx context.Context, req Request) (*Report, Request, error) {
	if req.MaxSize == 0 {
		return nil, req, nil
	}
	names, err := fullNames(req.Names)
	if err != nil {
		return nil, req, err
	}
	var kinds []map[string]string
	wait := len(req.CacheTo) == 0 // a layout directory is checked before it is committed
	for _, o := range req.Outputs {
		if err := e.check(o, names, len(req.Also) > 0); err != nil {
			return nil, req, err
		}
		s := sink{Output: o}
		if e.docker != nil && o.Type == TypeImage {
			return nil, req, fault.New(fault.Usage, "the docker engine's BuildKit does not report the size of an image before storing it").
				WithHint("use --max-size with an --output of type oci or docker, or with another builder")
		}
		if o.Type != TypeLocal && o.Type != TypeTar {
			kinds = append(kinds, s.layersLike(req, names))
		}
		wait = wait && (s.isLayout() || o.Type == TypeLocal)
	}
	if len(kinds) == 0 {
		return nil, req, fault.New(fault.Usage, "--max-size limits the size of an image, but the outputs are only files").WithHint("add an output of type oci, docker or registry")
	}
	if wait {
		return nil, req, nil
	}
	return e.measure(ctx, req, kinds)
}

// layersLike returns the attributes of a layout directory with the same layers as the output.
func (s *sink) layersLike(req Request, names []string) map[string]string {
	s.entry.Attrs = maps.Clone(s.Attrs)
	if s.entry.Attrs == nil {
		s.entry.Attrs = map[string]string{}
	}
	s.defaults(req, names)
	out := s.entry.Attrs
	for _, k := range notOfLayers {
		delete(out, k)
	}
	out["tar"], out["rewrite-timestamp"] = "false", cmp.Or(out["rewrite-timestamp"], "false")
	return out
}

// measure builds each kind of image into a temporary directory.
func (e *Engine) measure(ctx context.Context, req Request, kinds []map[string]string) (*Report, Request, error) {
	dir, err := os.MkdirTemp("", "nixpacks-size-")
	if err != nil {
		return nil, req, fault.Wrap(fault.Usage, err, "cannot create a directory to measure the image")
	}
	defer os.RemoveAll(dir)
	var first *Report
	var before []map[string]string
	for i, attrs := range kinds {
		if slices.ContainsFunc(before, func(o map[string]string) bool { return maps.Equal(o, attrs) }) {
			continue
		}
		before = append(before, attrs)
		probe := req
		probe.CacheTo, probe.Attest = nil, nil
		probe.Outputs = []Output{{Type: TypeOCI, Dest: filepath.Join(dir, fmt.Sprint(i)), Attrs: attrs}}
		r, bases, err := e.buildAll(ctx, probe)
		if err != nil {
			return nil, req, err
		}
		if first == nil {
			first = r
		}
		req = req.repeat(bases)
	}
	return first, req, nil
}

// repeat returns the request to repeat the build with the same bases and cached steps.
func (r Request) repeat(bases []plan2llb.Input) Request {
	same := func(in, was plan2llb.Input) plan2llb.Input {
		if !was.Base.Layout && was.Base.State == nil {
			in.Base = was.Base
		}
		if was.Run != nil && !was.Run.Layout && was.Run.State == nil {
			in.Run = was.Run
		}
		in.NoCacheDirectories = in.NoCacheDirectories || in.NoCache
		in.NoCache = false
		return in
	}
	r.Lower = same(r.Lower, bases[0])
	r.Also = slices.Clone(r.Also)
	for i := range r.Also {
		r.Also[i] = same(r.Also[i], bases[i+1])
	}
	r.Bases.Refresh = false
	return r
}

// checkSize refuses an image that is too large, before it is committed.
func (j *job) checkSize(sinks []*sink, answer map[string]string, limit int64) error {
	for _, s := range sinks {
		if s.stage == nil || limit == 0 {
			continue
		}
		desc, err := descriptor(answer)
		if err != nil {
			return err
		}
		images, err := s.stage.Images(desc)
		if err != nil {
			return err
		}
		for _, img := range images {
			if err := j.fits(img, limit, len(images) > 1); err != nil {
				return err
			}
		}
	}
	return nil
}

func (j *job) fits(img *image.Image, limit int64, several bool) error {
	layers := img.PackedLayers()
	var size int64
	for _, l := range layers {
		size += l.Size
	}
	if size <= limit {
		return nil
	}
	which := "the image"
	if several {
		which += " for " + platforms.Format(img.Config.Platform)
	}
	slices.SortStableFunc(layers, func(a, b image.Layer) int { return cmp.Compare(b.Size, a.Size) })
	lines := []string{"largest layers:"}
	for _, l := range layers[:min(len(layers), largestNamed)] {
		lines = append(lines, fmt.Sprintf("%10s  %s", human(l.Size), j.madeBy(l)))
	}
	f := fault.New(fault.Refused, "%s is too large: %s, the maximum is %s", which, human(size), human(limit)).
		WithHint("exclude files that the app does not need with .dockerignore, or files and packages with runImage and onlyIncludeFiles of [start]\n"+
			"or raise the limit: --max-size %s", atLeast(size))
	f.Detail = strings.Join(lines, "\n")
	return f
}

// madeBy returns the step that made a layer, with its phase.
func (j *job) madeBy(l image.Layer) string {
	var steps []plan2llb.Step
	for _, v := range j.lowered.Vertices {
		if s, ok := j.lowered.Steps[v.Digest]; ok {
			steps = append(steps, s)
		}
	}
	return plan2llb.MadeBy(l.By, steps)
}

func human(n int64) string { return units.HumanSize(float64(n)) }

// atLeast formats n in MB, rounded up.
func atLeast(n int64) string {
	const mb = 1_000_000
	return fmt.Sprintf("%dMB", (n+mb-1)/mb)
}

package buildkitd

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"time"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/pkg/labels"
	"github.com/moby/buildkit/cache"
	"github.com/moby/buildkit/cache/config"
	"github.com/moby/buildkit/exporter"
	"github.com/moby/buildkit/exporter/containerimage"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/solver"
	"github.com/moby/buildkit/util/compression"
	"github.com/moby/buildkit/util/contentutil"
	"github.com/moby/buildkit/util/converter"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"
)

// rewrittenLabel is BuildKit's label for a layer with no file newer than the time in the label. A layer with this label
// is not rewritten again.
const rewrittenLabel = "buildkit/rewritten-timestamp"

// memoLabel, followed by a compression, is a label on a layer. Its value is the digest of the same layer with that
// compression, with or without rewritten timestamps. The gc.ref prefix makes GC keep the second layer as long as the
// first.
const memoLabel = "containerd.io/gc.ref.content.nixpacks-rewritten-"

// timedExporter is an image exporter that remembers layers with rewritten timestamps (rewrite-timestamp). BuildKit's
// exporter compresses every layer as requested, and then decompresses and compresses it again in every build. That takes
// seconds even if nothing has changed.
type timedExporter struct {
	exporter.Exporter
	store content.Store
}

// Resolve wraps an export that rewrites timestamps.
func (e timedExporter) Resolve(ctx context.Context, id int, attrs map[string]string) (exporter.ExporterInstance, error) {
	inner, err := e.Exporter.Resolve(ctx, id, attrs)
	if err != nil {
		return nil, err
	}
	var opts containerimage.ImageCommitOpts
	if _, err := opts.Load(ctx, attrs); err != nil || !opts.RewriteTimestamp || opts.Epoch == nil || opts.Epoch.Value == nil {
		return inner, err
	}
	return timedExport{inner, e.store, *opts.Epoch.Value}, nil
}

type timedExport struct {
	exporter.ExporterInstance
	store content.Store
	epoch time.Time
}

// Export passes the exporter references whose layers are already rewritten.
func (e timedExport) Export(ctx context.Context, src *exporter.Source, info exporter.ExportBuildInfo) (
	map[string]string, exporter.FinalizeFunc, exporter.DescriptorReference, error) {
	src = src.Clone()
	if src.Ref != nil {
		src.Ref = timedRef{src.Ref, e, baseLayers(src.Metadata, "")}
	}
	refs := maps.Clone(src.Refs)
	for id, ref := range refs {
		if ref != nil {
			refs[id] = timedRef{ref, e, baseLayers(src.Metadata, id)}
		}
	}
	src.Refs = refs
	return e.ExporterInstance.Export(ctx, src, info)
}

// baseLayers returns the diff IDs of the base image, whose timestamps are not rewritten. platform is "" for a
// single-platform result.
func baseLayers(meta map[string][]byte, platform string) []digest.Digest {
	raw := exptypes.ParseKey(meta, exptypes.ExporterImageBaseConfigKey, &exptypes.Platform{ID: platform})
	var img ocispecs.Image
	if json.Unmarshal(raw, &img) != nil {
		return nil
	}
	return img.RootFS.DiffIDs
}

// timedRef is a result whose layers have rewritten timestamps, except for those of its base image.
type timedRef struct {
	cache.ImmutableRef
	export timedExport
	base   []digest.Digest
}

// intermediate is the compression of a layer that is read only once, to be rewritten and recompressed as requested.
var intermediate = compression.New(compression.Zstd).SetLevel(1)

// GetRemotes is called by exporters to get the layers.
func (r timedRef) GetRemotes(ctx context.Context, create bool, cfg config.RefConfig, all bool, s session.Group) ([]*solver.Remote, error) {
	comp := cfg.Compression
	if !all {
		cfg.Compression = intermediate
	}
	remotes, err := r.ImmutableRef.GetRemotes(ctx, create, cfg, all, s)
	if err != nil || all {
		return remotes, err
	}
	out := make([]*solver.Remote, len(remotes))
	for i, remote := range remotes {
		if out[i], err = r.rewrite(ctx, remote, comp); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (r timedRef) rewrite(ctx context.Context, remote *solver.Remote, comp compression.Config) (*solver.Remote, error) {
	store := contentutil.NewStoreWithProvider(r.export.store, remote.Provider)
	out := &solver.Remote{Descriptors: make([]ocispecs.Descriptor, len(remote.Descriptors)), Provider: remote.Provider}
	group, ctx := errgroup.WithContext(ctx)
	own := false
	for i, desc := range remote.Descriptors {
		out.Descriptors[i] = desc
		epoch := &r.export.epoch
		if own = own || i >= len(r.base) || desc.Annotations[labels.LabelUncompressed] != r.base[i].String(); !own {
			if epoch = nil; !comp.Force {
				continue
			}
		}
		group.Go(func() (err error) {
			out.Descriptors[i], err = r.export.layer(ctx, store, desc, comp, epoch)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	mixed := contentutil.NewMultiProvider(r.export.store)
	for _, desc := range remote.Descriptors {
		mixed.Add(desc.Digest, remote.Provider)
	}
	out.Provider = mixed
	return out, nil
}

// layer returns the layer with compression comp, and with timestamps rewritten if epoch is not nil. It reuses an existing
// result if there is one.
func (e timedExport) layer(ctx context.Context, store content.Store, desc ocispecs.Descriptor, comp compression.Config, epoch *time.Time) (ocispecs.Descriptor, error) {
	convert, err := converter.NewWithRewriteTimestamp(ctx, store, desc, comp, epoch, nil)
	if err != nil || convert == nil {
		return desc, err
	}
	key, at := memoLabel+comp.Type.String(), ""
	if comp.Level != nil {
		key += "-" + strconv.Itoa(*comp.Level)
	}
	if epoch == nil {
		key += "-as-it-is"
	} else {
		at = strconv.FormatInt(epoch.Unix(), 10)
	}
	if done, ok := e.known(ctx, desc, key, at, comp); ok {
		return done, nil
	}
	made, err := convert(ctx, store, desc)
	if err != nil {
		return desc, fmt.Errorf("packing layer %s: %w", desc.Digest, err)
	}
	// If the layer itself is not in this store (but in a registry), nothing is remembered.
	_, _ = e.store.Update(ctx, content.Info{Digest: desc.Digest, Labels: map[string]string{key: made.Digest.String()}}, "labels."+key)
	return *made, nil
}

// known returns an earlier result of layer.
func (e timedExport) known(ctx context.Context, desc ocispecs.Descriptor, key, at string, comp compression.Config) (ocispecs.Descriptor, bool) {
	info, err := e.store.Info(ctx, desc.Digest)
	if err != nil {
		return desc, false
	}
	made, err := e.store.Info(ctx, digest.Digest(info.Labels[key]))
	if err != nil || made.Labels[rewrittenLabel] != at || made.Labels[labels.LabelUncompressed] == "" {
		return desc, false
	}
	desc.Digest, desc.Size, desc.MediaType = made.Digest, made.Size, comp.Type.MediaType()
	desc.Annotations = map[string]string{labels.LabelUncompressed: made.Labels[labels.LabelUncompressed]}
	if at != "" {
		desc.Annotations[rewrittenLabel] = at
	}
	return desc, true
}

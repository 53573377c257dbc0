package buildkitd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"strconv"
	"sync/atomic"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/containerd/v2/pkg/snapshotters"
	"github.com/distribution/reference"
	"github.com/moby/buildkit/cache/remotecache"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/solver"
	"github.com/moby/buildkit/util/contentutil"
	"github.com/moby/buildkit/util/estargz"
	"github.com/moby/buildkit/util/resolver"
	"github.com/moby/buildkit/util/resolver/limited"
	"github.com/moby/buildkit/worker"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// importRegistryCache returns BuildKit's importer of caches in registries, with limits. BuildKit's own provider of blobs
// is private, and it believes what a manifest states: it allocates the stated size, negative or not, and compares no
// digest, so that an index that contains itself is read forever.
func importRegistryCache(sm *session.Manager, cs content.Store, hosts docker.RegistryHosts) remotecache.ResolveCacheImporterFunc {
	return func(ctx context.Context, g session.Group, attrs map[string]string) (remotecache.Importer, ocispecs.Descriptor, error) {
		named, err := reference.ParseNormalizedNamed(attrs["ref"])
		if err != nil {
			return nil, ocispecs.Descriptor{}, err
		}
		ref := reference.TagNameOnly(named).String()
		scope, hosts := resolver.ScopeType{}, hosts
		if v := attrs["registry.insecure"]; v != "" {
			if scope.Insecure, err = strconv.ParseBool(v); err != nil {
				return nil, ocispecs.Descriptor{}, fmt.Errorf("registry.insecure=%q is neither true nor false", v)
			}
		}
		if scope.Insecure {
			hosts = plainHosts(hosts)
		}
		remote := resolver.DefaultPool.GetResolver(hosts, ref, scope, sm, g)
		found, desc, err := remote.Resolve(ctx, ref)
		if err != nil {
			return nil, ocispecs.Descriptor{}, err
		}
		p := &cacheProvider{resolver: remote, ref: ref, found: found, store: cs, budget: new(atomic.Int64)}
		return cacheImporter{remotecache.NewImporter(p), p.budget}, desc, nil
	}
}

// plainHosts returns the same registries without TLS.
func plainHosts(hosts docker.RegistryHosts) docker.RegistryHosts {
	return func(name string) ([]docker.RegistryHost, error) {
		out, err := hosts(name)
		for i := range out {
			out[i].Scheme = "http"
		}
		return out, err
	}
}

// Limits for the descriptions of a cache: its manifests and configurations. Layers are not among them.
const (
	maxDescription  = 4 << 20
	maxDescriptions = 64 << 20
	leastCost       = 64 << 10 // of each, which limits their number
)

// cacheImporter reads the description of a cache within a budget.
type cacheImporter struct {
	remotecache.Importer
	budget *atomic.Int64
}

// Resolve reads a cache's description.
func (i cacheImporter) Resolve(ctx context.Context, desc ocispecs.Descriptor, id string, w worker.Worker) (solver.CacheManager, error) {
	i.budget.Store(maxDescriptions)
	return i.Importer.Resolve(context.WithValue(ctx, describing{}, true), desc, id, w)
}

// describing is a context's key while a description is read.
type describing struct{}

// cacheProvider reads a cache's blobs, with the methods by which BuildKit handles its own provider in a special way.
type cacheProvider struct {
	resolver   *resolver.Resolver
	ref, found string
	store      content.Manager
	budget     *atomic.Int64
}

// ProviderForSession returns the provider with another session's credentials.
func (p *cacheProvider) ProviderForSession(g session.Group) content.Provider {
	other := *p
	other.resolver = p.resolver.WithSession(g)
	return &other
}

// ReaderAt opens a blob.
func (p *cacheProvider) ReaderAt(ctx context.Context, desc ocispecs.Descriptor) (content.ReaderAt, error) {
	if err := checkSize(desc); err != nil {
		return nil, err
	}
	fetcher, err := p.resolver.Fetcher(ctx, p.found)
	if err != nil {
		return nil, err
	}
	if ctx.Value(describing{}) == nil {
		return contentutil.FromFetcher(limited.Default.WrapFetcher(fetcher, p.ref)).ReaderAt(ctx, desc)
	}
	if desc.Size > maxDescription {
		return nil, fmt.Errorf("the cache's %s has %d bytes, more than the %d MB that are read", desc.Digest, desc.Size, maxDescription>>20)
	}
	if p.budget.Add(-max(desc.Size, leastCost)) < 0 {
		return nil, errors.New("the cache has too many manifests")
	}
	r, err := limited.Default.WrapFetcher(fetcher, p.ref).Fetch(ctx, desc)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return readDescription(r, desc)
}

// readDescription reads a blob and compares it with its digest.
func readDescription(r io.Reader, desc ocispecs.Descriptor) (content.ReaderAt, error) {
	if err := desc.Digest.Validate(); err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(io.LimitReader(r, desc.Size+1))
	if err != nil {
		return nil, err
	}
	if int64(len(raw)) != desc.Size || desc.Digest.Algorithm().FromBytes(raw) != desc.Digest {
		return nil, fmt.Errorf("the registry sends something else as the cache's %s", desc.Digest)
	}
	return description{bytes.NewReader(raw)}, nil
}

// description is a blob in memory.
type description struct{ *bytes.Reader }

// Close does nothing.
func (description) Close() error { return nil }

// SetDistributionSourceLabel records in the content store that a blob is also in the registry.
func (p *cacheProvider) SetDistributionSourceLabel(ctx context.Context, d digest.Digest) error {
	label, err := docker.AppendDistributionSourceLabel(p.store, p.ref)
	if err != nil {
		return err
	}
	_, err = label(ctx, ocispecs.Descriptor{Digest: d})
	return err
}

// SetDistributionSourceAnnotation records in a descriptor where its blob is.
func (p *cacheProvider) SetDistributionSourceAnnotation(desc ocispecs.Descriptor) ocispecs.Descriptor {
	if desc.Annotations == nil {
		desc.Annotations = map[string]string{}
	}
	desc.Annotations["containerd.io/distribution.source.ref"] = p.ref
	return desc
}

// SnapshotLabels returns the labels of a layer's snapshot.
func (p *cacheProvider) SnapshotLabels(descs []ocispecs.Descriptor, index int) map[string]string {
	if len(descs) <= index {
		return nil
	}
	labels := snapshots.FilterInheritedLabels(descs[index].Annotations)
	if labels == nil {
		labels = map[string]string{}
	}
	maps.Copy(labels, estargz.SnapshotLabels(p.ref, descs, index))
	labels[snapshotters.TargetRefLabel] = p.ref
	return labels
}

package solve

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/moby/buildkit/client"
	gateway "github.com/moby/buildkit/frontend/gateway/client"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// The cache types that the embedded engine supports.
const (
	CacheRegistry = "registry" // ref
	CacheLocal    = "local"    // src or dest, a directory
	CacheInline   = "inline"   // inside the image; export only, imported as CacheRegistry
)

// Cache is an additional cache: its type and BuildKit's attributes of that type.
type Cache struct {
	Type  string
	Attrs map[string]string
}

// needed lists the required attribute of each cache type, for import and for export. Cache types of remote BuildKits have
// no attribute that is always required.
var needed = map[string][2]string{
	CacheRegistry: {"ref", "ref"}, CacheLocal: {"src", "dest"}, CacheInline: {}, "gha": {}, "s3": {}, "azblob": {},
}

// environment lists attributes that default to environment variables of the client, as in docker buildx.
var environment = map[string]map[string][]string{
	"gha": {"token": {"ACTIONS_RUNTIME_TOKEN"}, "url": {"ACTIONS_CACHE_URL"}, "url_v2": {"ACTIONS_RESULTS_URL"}},
	"s3": {"access_key_id": {"AWS_ACCESS_KEY_ID"}, "secret_access_key": {"AWS_SECRET_ACCESS_KEY"}, "session_token": {"AWS_SESSION_TOKEN"},
		"region": {"AWS_REGION", "AWS_DEFAULT_REGION"}},
}

// caches validates the caches of a request and converts them for BuildKit's client.
func (e *Engine) caches(flag string, list []Cache, write int) ([]client.CacheOptionsEntry, error) {
	var out []client.CacheOptionsEntry
	for _, k := range list {
		want, ok := needed[k.Type]
		types := slices.Sorted(maps.Keys(needed))
		switch own := []string{CacheInline, CacheLocal, CacheRegistry}; {
		case !ok:
			return nil, fault.New(fault.Usage, "%s: unknown cache type %q", flag, k.Type).WithHint("%s", fault.DidYouMean(k.Type, types))
		case e.embedded && !slices.Contains(own, k.Type):
			return nil, fault.New(fault.Usage, "%s: the embedded engine does not support cache type %s", flag, k.Type).
				WithHint("it supports %s; for others, use another BuildKit with --builder", strings.Join(own, ", "))
		case write == 0 && k.Type == CacheInline:
			return nil, fault.New(fault.Usage, "%s: an inline cache is imported from its image", flag).WithHint("write %s type=registry,ref=IMAGE", flag)
		case want[write] != "" && k.Attrs[want[write]] == "":
			return nil, fault.New(fault.Usage, "%s: cache type %s needs %s", flag, k.Type, want[write]).
				WithHint("write %s type=%s,%s=…", flag, k.Type, want[write])
		}
		attrs := maps.Clone(k.Attrs)
		for attr, names := range environment[k.Type] {
			for _, n := range names {
				if v := os.Getenv(n); v != "" && attrs[attr] == "" {
					attrs[attr] = v
				}
			}
		}
		out = append(out, client.CacheOptionsEntry{Type: k.Type, Attrs: attrs})
	}
	return out, nil
}

// imports returns the cache imports for a gateway solve. BuildKit's client has already removed local caches that do not
// exist.
func imports(c gateway.Client) ([]gateway.CacheOptionsEntry, error) {
	raw := c.BuildOpts().Opts["cache-imports"]
	if raw == "" {
		return nil, nil
	}
	var out []gateway.CacheOptionsEntry
	if err := json.Unmarshal([]byte(raw), &out); err != nil {
		return nil, fault.Wrap(fault.Bug, err, "the list of caches is broken")
	}
	return out, nil
}

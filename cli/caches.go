package cli

import (
	"strings"

	"github.com/tonistiigi/go-csvvalue"
	ucli "github.com/urfave/cli/v2"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/solve"
)

// cacheFlags select the layer caches that are used in addition to the builder's own.
func cacheFlags() []ucli.Flag {
	return []ucli.Flag{
		&ucli.StringSliceFlag{Name: "cache-from", Category: aboutBuild, Usage: "import the build cache from `CACHE`: an image, type=registry,ref=REF or type=local,src=DIR (repeatable)"},
		&ucli.StringSliceFlag{Name: "cache-to", Category: aboutBuild, Usage: "export the build cache to `CACHE`: type=registry,ref=REF,mode=max, type=local,dest=DIR or type=inline (repeatable)"},
		&ucli.BoolFlag{Name: "inline-cache", Category: aboutBuild, Usage: "embed cache metadata in the image for --cache-from (shorthand for --cache-to type=inline)"},
	}
}

// caches reads --cache-from, --cache-to and --inline-cache.
func (b *theBuild) caches(c *ucli.Context) error {
	for _, s := range c.StringSlice("cache-from") {
		k, err := parseCache("--cache-from", s)
		if err != nil {
			return err
		}
		b.request.CacheFrom = append(b.request.CacheFrom, k)
	}
	for _, s := range c.StringSlice("cache-to") {
		k, err := parseCache("--cache-to", s)
		if err != nil {
			return err
		}
		b.request.CacheTo = append(b.request.CacheTo, k)
	}
	if c.Bool("inline-cache") {
		b.request.CacheTo = append(b.request.CacheTo, solve.Cache{Type: solve.CacheInline, Attrs: map[string]string{}})
	}
	return nil
}

// parseCache parses a cache as docker buildx does: type=TYPE,KEY=VALUE…, or only an image reference.
func parseCache(flag, s string) (solve.Cache, error) {
	k := solve.Cache{Attrs: map[string]string{}}
	fields, err := csvvalue.Fields(s, nil)
	if err != nil || len(fields) == 0 || s == "" {
		return k, fault.New(fault.Usage, "%s %q cannot be read", flag, s).WithHint("write type=registry,ref=registry.example.com/team/app:cache")
	}
	if !strings.Contains(s, "=") {
		if len(fields) > 1 {
			return k, fault.New(fault.Usage, "%s %q names several caches", flag, s).WithHint("give the flag several times")
		}
		k.Type, k.Attrs["ref"] = solve.CacheRegistry, s
		return k, nil
	}
	for _, f := range fields {
		key, v, ok := strings.Cut(f, "=")
		switch key = strings.ToLower(strings.TrimSpace(key)); {
		case !ok:
			return k, fault.New(fault.Usage, "%s: %q is not KEY=VALUE", flag, f).WithHint("write type=registry,ref=registry.example.com/team/app:cache")
		case key == "type":
			k.Type = v
		default:
			k.Attrs[key] = v
		}
	}
	if k.Type == "" {
		return k, fault.New(fault.Usage, "%s %q has no type", flag, s).WithHint("write type=registry,ref=registry.example.com/team/app:cache")
	}
	return k, nil
}

package catalog

import (
	"encoding/json"
	"io/fs"
	"slices"
	"testing"

	"github.com/nixpacks-cue/nixpacks/engine/app"
	"github.com/nixpacks-cue/nixpacks/providers"
)

// indexOf serves the built-in providers' files with an index of only the named ones, or of all if it is empty.
type indexOf []string

func (names indexOf) Open(file string) (fs.File, error) { return providers.FS.Open(file) }

func (names indexOf) ReadFile(file string) ([]byte, error) {
	text, err := providers.FS.ReadFile(file)
	if file != IndexFile || err != nil || len(names) == 0 {
		return text, err
	}
	var ix index
	if err := json.Unmarshal(text, &ix); err != nil {
		return nil, err
	}
	ix.Providers = slices.DeleteFunc(ix.Providers, func(p indexed) bool { return !slices.Contains(names, p.Name) })
	return json.Marshal(ix)
}

// BenchmarkProviders reads the index, detects the provider of an app and plans it, once in a catalog of only that provider
// and once in the full catalog. The goal is a difference below 1 ms.
func BenchmarkProviders(b *testing.B) {
	for name, dir := range map[string]indexOf{"one": {"go"}, "all": nil} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				c, err := loadIndexed(dir, "providers")
				if err != nil {
					b.Fatal(err)
				}
				planFirst(b, c, "../../examples/go-http")
			}
		})
	}
}

// planFirst plans an app with the first provider that detects it.
func planFirst(b *testing.B, c *Catalog, dir string) {
	a, err := app.Open(dir)
	if err != nil {
		b.Fatal(err)
	}
	defer a.Close()
	for _, p := range c.list {
		ok, err := p.detect.Holds(a, nil)
		if err != nil {
			b.Fatal(err)
		}
		if !ok {
			continue
		}
		if _, err := c.Request(a, Env{}).Evaluate(p.Name); err != nil {
			b.Fatal(err)
		}
		return
	}
	b.Fatal("nobody plans", dir)
}

package providers_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/nixpacks-cue/nixpacks/engine/cases"
	"github.com/nixpacks-cue/nixpacks/engine/catalog"
)

// TestHostileKinds checks that an app is planned or refused, without any other error, whatever the kind of a value in its
// manifests. Every value in the manifests of every case is replaced by a list of lists, once per place in a kind of file,
// or, with NIXPACKS_HOSTILE=all, by a value of every kind.
func TestHostileKinds(t *testing.T) {
	slow(t)
	var tried sync.Map
	var plans atomic.Int64
	t.Run("cases", func(t *testing.T) {
		eachCase(t, 1, func(t *testing.T, c *catalog.Catalog, p *catalog.Provider, _ string, k *cases.Case) {
			files := k.Files()
			for _, name := range slices.Sorted(maps.Keys(files)) {
				for place, text := range otherKinds(name, files[name]) {
					if _, again := tried.LoadOrStore(fmt.Sprint(p.Name, path.Base(name), place), true); again {
						continue
					}
					change := maps.Clone(files)
					change[name] = text
					planned(t, c, p, change, k)
					plans.Add(1)
				}
			}
		})
	})
	t.Logf("%d apps", plans.Load())
	if plans.Load() < 200 {
		t.Errorf("only %d apps were tried", plans.Load())
	}
}

// slow skips a test of thousands of apps unless CI or the user asks for it.
func slow(t *testing.T) {
	if os.Getenv("NIXPACKS_E2E") == "" && os.Getenv("NIXPACKS_HOSTILE") == "" {
		t.Skip("set NIXPACKS_HOSTILE or NIXPACKS_E2E to run it")
	}
}

// TestWords checks that word.cue, which quotes shell words, is the same in all providers: they cannot import a shared file.
func TestWords(t *testing.T) {
	files, err := filepath.Glob("*/word.cue")
	if err != nil || len(files) < 2 {
		t.Fatal(files, err)
	}
	var first string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(text), "\n")
		if first == "" {
			first = rest
		}
		if rest != first {
			t.Errorf("%s is not like %s", file, files[0])
		}
	}
}

var (
	values    = kindsToTry()
	tomlValue = regexp.MustCompile(`(?m)^([\w."-]+ *= *).+$`)
	yamlValue = regexp.MustCompile(`(?m)^( *[\w."/-]+: +)\S.*$`)
)

func kindsToTry() []string {
	if os.Getenv("NIXPACKS_HOSTILE") != "all" {
		return []string{"[[]]"}
	}
	return []string{"null", "1", `"x"`, "[]", "{}", "[[1]]"}
}

// otherKinds returns the manifest's text with one value changed to another kind, keyed by the change.
func otherKinds(name, text string) map[string]string {
	out := map[string]string{}
	lines := func(re *regexp.Regexp) {
		for _, at := range re.FindAllStringSubmatchIndex(text, -1) {
			for _, v := range values {
				out[text[at[2]:at[3]]+v] = text[:at[3]] + v + text[at[1]:]
			}
		}
	}
	switch path.Ext(name) {
	case ".json":
		var doc any
		if json.Unmarshal([]byte(text), &doc) == nil {
			replaceEach(doc, "", func(v any) { doc = v }, func(place string) {
				changed, _ := json.Marshal(doc)
				out[place] = string(changed)
			})
		}
	case ".toml":
		lines(tomlValue)
	case ".yaml", ".yml":
		lines(yamlValue)
	}
	return out
}

// replaceEach sets each value below v to one of each kind, calls tried, and restores the value.
func replaceEach(v any, place string, set func(any), tried func(place string)) {
	for _, text := range values {
		var other any
		_ = json.Unmarshal([]byte(text), &other)
		set(other)
		tried(place + "=" + text)
	}
	set(v)
	switch v := v.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			replaceEach(v[k], place+"."+k, func(x any) { v[k] = x }, tried)
		}
	case []any:
		for i := range v {
			replaceEach(v[i], place+"[]", func(x any) { v[i] = x }, tried)
		}
	}
}

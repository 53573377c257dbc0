package plan2llb

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"testing"

	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

func TestPatterns(t *testing.T) {
	for glob, want := range map[string][]string{
		"package.json":      {"package.json"},
		"./a/":              {"a"},
		"/**/go.{mod,sum}":  {"**/go.mod", "**/go.sum"},
		"{a,b{c,d}}.{x,y}":  {"a.x", "a.y", "bc.x", "bc.y", "bd.x", "bd.y"},
		"{,.}npmrc":         {"npmrc", ".npmrc"},
		"{a":                {"{a"},
		"a}{b":              {"a}{b"},
		"requirements*.txt": {"requirements*.txt"},
		"packages/*/**":     {"packages/?*/**"},

		strings.Repeat("{a,b}", 40): {strings.Repeat("{a,b}", 40)}, // 2^40 paths
	} {
		if got := patterns([]string{glob}); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", glob, got, want)
		}
	}
}

func TestDestination(t *testing.T) {
	for file, want := range map[string]string{
		"./out": "/app/out", ".": "/app", "/usr/share/x": "/usr/share/x", "dist/*": "/app/dist/", "*.jar": "/app/", "a/b?/c": "/app/a/",
	} {
		if got := destination(file); got != want {
			t.Errorf("%s: %s, want %s", file, got, want)
		}
	}
}

func TestCacheIDs(t *testing.T) {
	for _, c := range []struct{ key, dir, id, target string }{
		{"k", "node_modules/.cache", "k/app/node_modules/.cache", "/app/node_modules/.cache"},
		{"my key", "~/.m2", "my%20key/root/.m2", "/root/.m2"},
		{"s/k.1", "/a b", "s%2Fk.1/a b", "/a b"},
	} {
		if id, target := cacheID(c.key, c.dir), cacheTarget(c.dir); id != c.id || target != c.target {
			t.Errorf("%s: %s at %s", c.dir, id, target)
		}
	}
}

// No directory that an app names has the id of another key, even if one key is a prefix of the other.
func TestCacheIDsApart(t *testing.T) {
	dirs := []string{"~/.npm", "/root/.npm", "root/.npm", "admin-/root/.npm", "-admin/root/.npm", "../root/.npm", "/admin/root/.npm", "admin/../.npm", ".npm", "npm", "/root-/.npm", "/root-.npm", "/.npm"}
	owner := map[string]string{}
	for _, key := range []string{"shop", "shop-admin", "shop-admin-", "shop/admin", "shop/root", "shop-root", "sh.op", "shop admin", "shop%2Fadmin", "shop-"} {
		for _, dir := range dirs {
			id := cacheID(key, dir)
			if other, taken := owner[id]; taken && other != key {
				t.Errorf("%s of %s and of %s is %s", dir, key, other, id)
			}
			owner[id] = key
		}
	}
}

// Regression: a build failed with "not a directory" if the app contained the file.
func TestCacheOfAFile(t *testing.T) {
	for dir, want := range map[string]bool{
		"tsconfig.tsbuildinfo": true, "dist/a.b": true, "dist/.tmp": false, ".cache": false, ".m2/repository": false, "target": false,
		"/root/.cache/v1.2": false, "~/v1.2": false,
	} {
		if namesFile(dir) != want {
			t.Errorf("%s is a file: %t", dir, !want)
		}
	}
	p := nodePlan()
	p.Phases["build"].CacheDirectories = []string{"tsconfig.tsbuildinfo"}
	if text := graph(t, lower(t, defaults(Input{Plan: p, CacheKey: "k"}))); strings.Contains(text, "tsbuildinfo") {
		t.Error("a directory is mounted over a file")
	}
}

// PATH never gets an empty element, which would mean the working directory, and later phases come first.
func TestPaths(t *testing.T) {
	p := &plan.Plan{
		Phases: map[string]*plan.Phase{
			"a": {Paths: []string{"/a1", "/a2"}},
			"b": {DependsOn: []string{"a"}, Paths: []string{"/b"}, Cmds: []string{"true"}},
		},
		Start: &plan.Start{},
	}
	in := defaults(Input{Plan: p, Base: Source{Ref: "base", Config: ocispecs.ImageConfig{Env: []string{"NIXPACKS_PATH=/old:", "X"}}}})
	got := lower(t, in).Image.Config.Env
	want := []string{"NIXPACKS_PATH=/b:/a1:/a2:/old", "PATH=/b:/a1:/a2:" + defaultPath, "X="}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Nix replaces an installed package by another version of the same name. A version begins at a dash before a digit.
func TestNixSetsDoNotReplaceOneAnother(t *testing.T) {
	p := &plan.Plan{Phases: map[string]*plan.Phase{
		"a": {NixPkgs: []string{"x"}, NixpkgsArchive: "nixos-23.11"},
		"b": {NixPkgs: []string{"x"}, NixpkgsArchive: "nixos-24.05"},
	}}
	names := map[string]bool{}
	for _, s := range nixSets(p) {
		name, _, _ := strings.Cut(s.name(), "-")
		names[name] = true
	}
	if len(names) != 2 {
		t.Errorf("two sets are %v", slices.Collect(maps.Keys(names)))
	}
	if files := NixExpressions(p); len(files) != 2 || !strings.Contains(files["nixpkgs-nixos-24.05.nix"], "archive/nixos-24.05.tar.gz") {
		t.Errorf("expressions: %q", files)
	}
}

// A step takes from a mirror's folder only what it needs. The folder's path and other mirrors are not part of the graph.
func TestMirrors(t *testing.T) {
	const nixpkgs = "https://github.com/NixOS/nixpkgs/archive/"
	with := func(list ...Mirror) *Result { return lower(t, defaults(Input{Plan: nodePlan(), Mirrors: list})) }
	folder := func(r *Result) string { return strings.Join(slices.Collect(maps.Values(r.Locals)), " ") }
	one := with(Mirror{nixpkgs, "file:///srv/one/"})
	two := with(Mirror{nixpkgs, "file:///srv/two"})
	if one.Digest != two.Digest || folder(one) != "/srv/one" || folder(two) != "/srv/two" {
		t.Errorf("the folder's path shows: %v, %v", one.Locals, two.Locals)
	}
	if bytes.Contains(bytes.Join(one.Def.Def, nil), []byte("/srv/one")) {
		t.Error("the folder's path is in the graph")
	}
	if more := with(Mirror{"https://a.example/", "file:///a"}, Mirror{nixpkgs, "file:///srv/one"}); more.Digest != one.Digest {
		t.Error("a mirror that nothing needs changes the graph")
	}
	text := graph(t, with(Mirror{"https://", "http://all/"}, Mirror{nixpkgs, "http://nixpkgs/"}))
	if !strings.Contains(text, "http://nixpkgs/aaaa.tar.gz") || !strings.Contains(text, `substituters = http://all/cache.nixos.org"`) {
		t.Errorf("the longest prefix does not win:\n%s", text)
	}
	cache := with(Mirror{"https://cache.nixos.org", "file:///cache"})
	text = graph(t, cache)
	_, source, _ := strings.Cut(text, "mirror of https://cache.nixos.org")
	source, _, _ = strings.Cut(source, "[nix]")
	if !strings.Contains(text, `substituters = file:///run/nixpacks/mirror/mirror-`) || strings.Contains(source, "includepattern") || folder(cache) != "/cache" {
		t.Errorf("the binary cache is not a folder of the step:\n%s", text)
	}
}

func TestUsers(t *testing.T) {
	for user, want := range map[string]bool{"": false, "root": false, "0": false, "0:0": false, "1000": false, "1000:1000": false, "web": true, "web:www": true} {
		p := nodePlan()
		p.Start.User = user
		res := lowerPlan(t, p)
		got := slices.ContainsFunc(res.Vertices, func(v Vertex) bool { return v.Name == "[start] user web" })
		if got != want || res.Image.Config.User != user {
			t.Errorf("user %q: made %t, runs as %q", user, got, res.Image.Config.User)
		}
	}
}

// A base that names root explicitly equals one that names no user.
func TestRootIsRoot(t *testing.T) {
	in := defaults(Input{Plan: nodePlan()})
	want := find(t, lower(t, in), "[build] npm run build")
	for _, user := range []string{"root", "0", "0:0", "root:root"} {
		in.Base.Config.User = user
		if find(t, lower(t, in), "[build] npm run build") != want {
			t.Errorf("a base whose user is %q gives other steps", user)
		}
	}
}

// Changing a Result must not change the next one.
func TestInputIsLeftAlone(t *testing.T) {
	in := defaults(Input{Plan: nodePlan(), Labels: map[string]string{"a": "1"}})
	in.Base.Config.Labels = map[string]string{"b": "2"}
	before := string(in.Plan.JSON())
	res := lower(t, in)
	res.Image.Config.Labels["c"] = "3"
	res.Image.Config.Env[0] = "changed"
	if string(in.Plan.JSON()) != before || len(in.Base.Config.Labels) != 1 || len(in.Labels) != 1 {
		t.Error("the input was changed")
	}
}

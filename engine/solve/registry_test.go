package solve

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/docker/cli/cli/config"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/image"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
	"github.com/nixpacks-cue/nixpacks/engine/solve/buildkitdtest"
)

// login adds a password for a registry to docker's configuration.
func login(t *testing.T, addr, password string) {
	t.Helper()
	old := config.Dir()
	dir := t.TempDir()
	auth := base64.StdEncoding.EncodeToString([]byte(buildkitdtest.RegistryUser + ":" + password))
	put(t, filepath.Join(dir, "config.json"), fmt.Sprintf(`{"auths": {%q: {"auth": %q}}}`, addr, auth))
	config.SetDir(dir)
	t.Cleanup(func() { config.SetDir(old) })
}

// pushOf returns a request that pushes the app's image under names.
func pushOf(t *testing.T, dir string, p *plan.Plan, names ...string) Request {
	req := layoutOf(t, dir, p)
	req.Names = names
	req.Outputs = append(req.Outputs, Output{Type: TypeImage, Attrs: map[string]string{"push": "true"}})
	return req
}

// An image is pushed under each of its names, and can be used as a base.
func TestPush(t *testing.T) {
	addr := buildkitdtest.Registry(t, "secret")
	login(t, addr, "secret")
	e := engine(t)
	req := pushOf(t, appDir(t, "main.txt:pushed"), appPlan(t, "cat /app/main.txt", "echo"), addr+"/team/app:1", addr+"/team/app:2")
	r := build(t, e, req)
	pushed := r.Outputs[0]
	if pushed.Type != TypeImage || !pushed.Digest.Algorithm().Available() {
		t.Fatalf("report %+v", r.Outputs)
	}
	for _, tag := range []string{"1", "2"} {
		if got := digestAt(t, addr, "team/app", tag, "secret"); got != pushed.Digest.String() {
			t.Errorf("%s is %s in the registry, reported was %s", tag, got, pushed.Digest)
		}
	}
	if got, _ := r.Metadata["image.name"].(string); !strings.Contains(got, addr+"/team/app:2") {
		t.Errorf("metadata %+v", r.Metadata)
	}
	next := appPlan(t, "cat /app/main.txt /app/more.txt", "echo")
	next.BuildImage = addr + "/team/app:1"
	req = layoutOf(t, appDir(t, "more.txt: as base"), next)
	build(t, otherEngine(t), req)
	if got := read(t, e, req.Outputs[0].Dest); got != "pushed as base" {
		t.Errorf("on the pushed base the app says %q", got)
	}
}

// digestAt asks a registry for the digest of an image.
func digestAt(t *testing.T, addr, repository, tag, password string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodHead, "http://"+addr+"/v2/"+repository+"/manifests/"+tag, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", ocispecs.MediaTypeImageManifest+", application/vnd.docker.distribution.manifest.v2+json, "+ocispecs.MediaTypeImageIndex)
	if password != "" {
		req.SetBasicAuth(buildkitdtest.RegistryUser, password)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	return res.Header.Get("Docker-Content-Digest")
}

// The responses of a registry to a push are told apart. If a push is refused, no other output of the build is written.
func TestPushRefused(t *testing.T) {
	addr := buildkitdtest.Registry(t, "secret")
	e := engine(t)
	refuse := func(name string, code fault.Code, text string) {
		t.Helper()
		req := pushOf(t, appDir(t, "main.txt:x"), appPlan(t, "x", "echo"), name)
		_, err := e.Build(t.Context(), req)
		wantFault(t, err, code, text)
		if _, err := image.Open(req.Outputs[0].Dest, image.Select{}); err == nil {
			t.Errorf("%s: the layout was written though the push failed", name)
		}
	}
	refuse(addr+"/app", fault.Usage, "cannot push "+addr+"/app: the registry requires a login\n  docker login "+addr)
	login(t, addr, "wrong")
	refuse(addr+"/app", fault.Usage, "cannot push "+addr+"/app: the registry rejected the user name or password\n  log in as another user: docker login "+addr)
	refuse("127.0.0.1:1/app", fault.TryAgain, "cannot push 127.0.0.1:1/app: the registry cannot be reached")
}

// An engine with an empty cache imports layers that another engine exported, and runs no step.
func TestCaches(t *testing.T) {
	addr := buildkitdtest.Registry(t, "")
	local := filepath.Join(t.TempDir(), "cache")
	for name, c := range map[string]struct{ to, from Cache }{
		"registry": {Cache{CacheRegistry, map[string]string{"ref": addr + "/cache", "mode": "max"}}, Cache{CacheRegistry, map[string]string{"ref": addr + "/cache"}}},
		"local":    {Cache{CacheLocal, map[string]string{"dest": local, "mode": "max"}}, Cache{CacheLocal, map[string]string{"src": local}}},
		"inline":   {Cache{CacheInline, map[string]string{}}, Cache{CacheRegistry, map[string]string{"ref": addr + "/app"}}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := appDir(t, "main.txt:one", "deps.txt:deps of "+name)
			p := appPlan(t, "cat /app/built", "copy main.txt built")
			p.Phases["install"] = &plan.Phase{Cmds: []string{"copy deps.txt /root/deps"}, Inputs: []string{"deps.txt"}}
			p.Phases["build"].DependsOn = []string{"install"}
			req := pushOf(t, dir, p, addr+"/app")
			req.CacheTo = []Cache{c.to}
			build(t, engine(t), req)
			req.CacheTo, req.CacheFrom = nil, []Cache{c.from}
			layers := layersOf(t, req)
			second := build(t, otherEngine(t), req)
			if second.Cached != second.Steps {
				t.Errorf("%d of %d steps came from the cache: %+v", second.Cached, second.Steps, second.Phases)
			}
			if got := layersOf(t, req); !slices.EqualFunc(got, layers, func(a, b ocispecs.Descriptor) bool { return a.Digest == b.Digest }) {
				t.Errorf("the layers are %v, from the cache %v", layers, got)
			}
		})
	}
}

// layersOf returns the layers of the layout that a request wrote.
func layersOf(t *testing.T, req Request) []ocispecs.Descriptor {
	t.Helper()
	img, err := image.Open(req.Outputs[0].Dest, image.Select{})
	if err != nil {
		t.Fatal(err)
	}
	defer img.Close()
	return img.Manifest.Layers
}

func TestCachesRefused(t *testing.T) {
	e := engine(t)
	for text, c := range map[string]struct{ from, to []Cache }{
		`--cache-from: unknown cache type "registri"` + "\n  did you mean \"registry\"?":        {from: []Cache{{Type: "registri"}}},
		"--cache-to: the embedded engine does not support cache type gha\n  it supports inline": {to: []Cache{{Type: "gha"}}},
		"--cache-from: an inline cache is imported from its image":                              {from: []Cache{{Type: CacheInline}}},
		"--cache-to: cache type registry needs ref":                                             {to: []Cache{{Type: CacheRegistry}}},
		"--cache-from: cache type local needs src":                                              {from: []Cache{{Type: CacheLocal}}},
	} {
		req := layoutOf(t, appDir(t), appPlan(t, "x", "echo"))
		req.CacheFrom, req.CacheTo = c.from, c.to
		_, err := e.Build(t.Context(), req)
		wantFault(t, err, fault.Usage, text)
	}
	// A missing cache is not an error: the first build on a fresh machine has none.
	req := layoutOf(t, appDir(t, "main.txt:x"), appPlan(t, "x", "echo"))
	req.CacheFrom = []Cache{{CacheLocal, map[string]string{"src": filepath.Join(t.TempDir(), "none")}},
		{CacheRegistry, map[string]string{"ref": buildkitdtest.Registry(t, "") + "/none"}}}
	build(t, e, req)
}

// The provenance attestation is part of the image, and its index refers to the image.
func TestProvenance(t *testing.T) {
	e := engine(t)
	req := layoutOf(t, appDir(t, "main.txt:stated"), appPlan(t, "cat /app/main.txt", "echo"))
	req.Attest = map[string]string{"provenance": "mode=max"}
	build(t, e, req)
	if got := read(t, e, req.Outputs[0].Dest); got != "stated" {
		t.Errorf("the app says %q", got)
	}
	if got := predicates(t, req.Outputs[0].Dest); len(got) != 1 || !strings.HasPrefix(got[0], "https://slsa.dev/provenance/") {
		t.Errorf("statements %q", got)
	}
}

// predicates returns the predicate types of the attestations in a layout.
func predicates(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	blobs, err := filepath.Glob(filepath.Join(dir, "blobs/sha256/*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range blobs {
		raw, err := os.ReadFile(b)
		var m ocispecs.Manifest
		if err != nil || json.Unmarshal(raw, &m) != nil {
			continue
		}
		for _, l := range m.Layers {
			if p := l.Annotations["in-toto.io/predicate-type"]; p != "" {
				out = append(out, p)
			}
		}
	}
	return out
}

// The SBOM that the generator creates is part of the image.
func TestSBOM(t *testing.T) {
	addr := buildkitdtest.Registry(t, "")
	e := engine(t)
	list := `s.json:{"_type": "https://in-toto.io/Statement/v0.1", "predicateType": "https://spdx.dev/Document", "predicate": {"name": "mine"}}`
	scanner := appPlan(t, "copy /app/s.json /run/out/sbom.spdx.json", "echo")
	build(t, e, pushOf(t, appDir(t, list), scanner, addr+"/scanner"))
	req := layoutOf(t, appDir(t, "main.txt:listed"), appPlan(t, "cat /app/main.txt", "echo"))
	req.Attest = map[string]string{"sbom": "generator=" + addr + "/scanner"}
	build(t, e, req)
	if got := read(t, e, req.Outputs[0].Dest); got != "listed" {
		t.Errorf("the app says %q", got)
	}
	if got := predicates(t, req.Outputs[0].Dest); !slices.Contains(got, "https://spdx.dev/Document") {
		t.Errorf("statements %q", got)
	}
}

package solve

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/nixpacks-cue/nixpacks/engine/buildkitd"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/image"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
	"github.com/nixpacks-cue/nixpacks/engine/solve/buildkitdtest"
)

// many reports whether the long form of the tests is enabled. It includes the cases in which BuildKit itself takes long.
func many() bool { return os.Getenv("NIXPACKS_FAULTS") != "" }

// impatient returns an engine with a short timeout for silent registries.
func impatient(t *testing.T) *Engine {
	t.Helper()
	e, err := Connect(t.Context(), Target{Embedded: buildkitd.Options{State: t.TempDir(), Patience: time.Second}})
	needEngine(t, err)
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// registryUse is a use of a registry by a build.
type registryUse struct {
	name string
	part string // part of the request paths that this use needs first
	make func(t *testing.T, addr string) Request
	verb string // how the error message begins; "" if the build succeeds without the registry
}

// registryUses push an image, pull it as a base, and use it as a cache.
func registryUses() []registryUse {
	made := func(t *testing.T) Request {
		p := appPlan(t, "cat /app/built", "copy main.txt built")
		p.Phases["install"] = &plan.Phase{Cmds: []string{"write /root/deps " + t.Name()}, Inputs: []string{}}
		p.Phases["build"].DependsOn = []string{"install"}
		return layoutOf(t, appDir(t, "main.txt:"+t.Name()), p)
	}
	return []registryUse{
		{"push", "/pushed/", func(t *testing.T, addr string) Request {
			req := made(t)
			req.Names = []string{addr + "/pushed"}
			req.Outputs = append(req.Outputs, Output{Type: TypeImage, Attrs: map[string]string{"push": "true"}})
			return req
		}, "cannot push "},
		{"base", "/base/manifests/", func(t *testing.T, addr string) Request {
			req := made(t)
			req.Lower.Plan.BuildImage = addr + "/base:1"
			return req
		}, "cannot pull "},
		{"layers of the base", "/base/blobs/", func(t *testing.T, addr string) Request {
			req := made(t)
			req.Lower.Plan.BuildImage = addr + "/base:1"
			return req
		}, "cannot pull "},
		{"cache-to", "/cache/", func(t *testing.T, addr string) Request {
			req := made(t)
			req.CacheTo = []Cache{{CacheRegistry, map[string]string{"ref": addr + "/cache:1", "mode": "max"}}}
			return req
		}, "cannot push "},
		{"cache-from", "/from/", func(t *testing.T, addr string) Request {
			req := made(t)
			req.CacheFrom = []Cache{{CacheRegistry, map[string]string{"ref": addr + "/from:1"}}}
			return req
		}, ""},
	}
}

// illnesses are lasting registry faults, with the expected result of a build.
var illnesses = []struct {
	name string
	ill  illness
	code fault.Code
	text string
	long bool // not in the short form: BuildKit retries for a long time, or another test covers it
}{
	{"401", says(401, "WWW-Authenticate", `Basic realm="x"`), fault.Usage, "docker login ", true},
	{"403", says(403), fault.Usage, "docker login ", true},
	{"429", says(429), fault.TryAgain, "429", true},
	{"429 for an hour", says(429, "Retry-After", "3600"), fault.TryAgain, "429", true},
	{"500", says(500), fault.TryAgain, "the registry failed", true},
	{"503", says(503), fault.TryAgain, "the registry failed", true},
	{"silent", silent, fault.TryAgain, "the registry does not answer (nothing came from ", false},
	{"half", half, fault.TryAgain, "the registry ", true},
}

// stocked returns an ill registry that has a base image.
func stocked(t *testing.T) *illRegistry {
	t.Helper()
	if os.Getenv("NIXPACKS_E2E") == "" {
		t.Skip("set NIXPACKS_E2E=1 for tests with ill registries, which take their time")
	}
	buildkitdtest.Need(t, "docker-registry")
	r := newIllRegistry(t)
	e := engine(t)
	req := pushOf(t, appDir(t, "main.txt:base"), appPlan(t, "x", "copy main.txt of-base"), r.well+"/base:1")
	build(t, e, req)
	return r
}

// A lasting registry fault ends a build in time. The exit code says whether a retry makes sense, and no output is half
// written. A build that can do without the registry succeeds.
func TestFaultsOfRegistry(t *testing.T) {
	r, e := stocked(t), impatient(t)
	for _, use := range registryUses() {
		for _, c := range illnesses {
			if c.long && !many() && !(use.name == "base" && c.name == "500") {
				continue
			}
			t.Run(use.name+" "+c.name, func(t *testing.T) {
				defer r.fall(nil, "", 0)
				eng := e
				if use.name == "layers of the base" {
					eng = impatient(t) // it has none of the layers
				}
				req := use.make(t, r.addr)
				r.fall(c.ill, use.part, -1)
				_, err := eng.Build(t.Context(), req)
				asked := r.count()
				if asked == 0 {
					t.Error("the registry was not asked")
				}
				if use.verb == "" {
					if err != nil {
						t.Error(err)
					}
					return
				}
				if err == nil && use.name == "push" && c.name == "half" {
					return // the registry stores what it receives, and each retry continues behind it
				}
				wantFault(t, err, c.code, use.verb)
				wantFault(t, err, c.code, c.text)
				if c.code == fault.TryAgain && c.name != "silent" && asked < 3 {
					t.Errorf("asked %d times only", asked)
				}
				if _, err := image.Open(req.Outputs[0].Dest, image.Select{}); err == nil {
					t.Error("the layout was written")
				}
			})
		}
	}
}

// A registry with a transient fault is retried.
func TestFaultsOfRegistryPass(t *testing.T) {
	r, e := stocked(t), impatient(t)
	for _, use := range registryUses() {
		if use.verb == "" {
			continue
		}
		for name, c := range map[string]struct {
			ill   illness
			times int
			use   string // for the short form
		}{"429": {says(429, "Retry-After", "1"), 2, "base"}, "500": {says(500), 3, "push"}, "half": {half, 1, "layers of the base"}} {
			if c.use != use.name && !many() {
				continue
			}
			t.Run(use.name+" "+name, func(t *testing.T) {
				defer r.fall(nil, "", 0)
				eng := e
				if use.name == "layers of the base" {
					eng = impatient(t)
				}
				req := use.make(t, r.addr)
				r.fall(c.ill, use.part, c.times)
				build(t, eng, req)
				if got := r.count(); got != c.times {
					t.Errorf("it was ill %d times, not %d", got, c.times)
				}
				if _, err := image.Open(req.Outputs[0].Dest, image.Select{}); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// An interrupt ends the wait for a registry that does not answer.
func TestFaultsOfRegistryInterrupted(t *testing.T) {
	r := stocked(t)
	for _, use := range registryUses() {
		t.Run(use.name, func(t *testing.T) {
			defer r.fall(nil, "", 0)
			ctx, interrupt := context.WithCancel(t.Context())
			defer interrupt()
			r.fall(silent, use.part, -1)
			r.mu.Lock()
			r.hook = interrupt
			r.mu.Unlock()
			guard := time.AfterFunc(30*time.Second, func() { panic("a build that was interrupted, or its engine, waits for a registry") })
			t.Cleanup(func() { guard.Stop() }) // after the engine has ended
			e := otherEngine(t)                // its stall timeout is longer than that
			_, err := e.Build(ctx, use.make(t, r.addr))
			wantFault(t, err, fault.Interrupted, "interrupted")
		})
	}
}

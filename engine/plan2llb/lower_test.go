package plan2llb

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// nodePlan is a plan with everything that a typical app has.
func nodePlan() *plan.Plan {
	return &plan.Plan{
		BuildImage: "registry.example/base",
		Variables:  map[string]string{"A": "1", "B": "2", "C": "3", "D": "4"},
		Phases: map[string]*plan.Phase{
			"setup":   {NixPkgs: []string{"nodejs"}, NixpkgsArchive: "aaaa", AptPkgs: []string{"curl"}},
			"install": {DependsOn: []string{"setup"}, Cmds: []string{"npm ci"}, Inputs: []string{"package.json"}},
			"build":   {DependsOn: []string{"install"}, Cmds: []string{"npm run build"}, Variables: map[string]string{"E": "5", "F": "6"}},
		},
		Start: &plan.Start{Cmd: "npm start"},
	}
}

func lowerPlan(t *testing.T, p *plan.Plan) *Result {
	t.Helper()
	return lower(t, defaults(Input{Plan: p}))
}

// find returns the digest of the one vertex whose name starts with prefix.
func find(t *testing.T, res *Result, prefix string) digest.Digest {
	t.Helper()
	var found []digest.Digest
	for _, v := range res.Vertices {
		if strings.HasPrefix(v.Name, prefix) {
			found = append(found, v.Digest)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d vertices are named %s…", len(found), prefix)
	}
	return found[0]
}

// above returns the vertices that a vertex needs, directly or indirectly, itself included.
func above(res *Result, d digest.Digest) map[digest.Digest]bool {
	seen := map[digest.Digest]bool{d: true}
	for _, v := range slices.Backward(res.Vertices) {
		if seen[v.Digest] {
			for _, dep := range v.Deps {
				seen[dep] = true
			}
		}
	}
	return seen
}

// Plans contain many maps, whose order must not matter. An unsorted environment once reran Nix each time.
func TestSameInputSameBytes(t *testing.T) {
	in := defaults(Input{Plan: nodePlan(), CA: true, CacheKey: "k", Labels: map[string]string{"a": "1", "b": "2", "c": "3"}})
	first := lower(t, in)
	for range 20 {
		res := lower(t, in)
		if res.Digest != first.Digest || !slices.EqualFunc(res.Def.Def, first.Def.Def, bytes.Equal) {
			t.Fatal("the same input gave another graph")
		}
	}
}

// A plan that is printed and read again gives the same build.
func TestSavedPlan(t *testing.T) {
	p := nodePlan()
	p.Start.RunImage, p.Start.OnlyIncludeFiles = "registry.example/run", []string{}
	p.Phases["check"] = &plan.Phase{Cmds: []string{"true"}, Inputs: []string{}}
	saved, err := plan.Decode(p.JSON(), "plan.json")
	if err != nil {
		t.Fatal(err)
	}
	if a, b := lowerPlan(t, p).Digest, lowerPlan(t, saved).Digest; a != b {
		t.Errorf("%s became %s", a, b)
	}
}

// Two apps with the same packages on the same base share the layers of these packages.
func TestToolchainIsShared(t *testing.T) {
	one := lowerPlan(t, nodePlan())
	p := nodePlan()
	p.Variables = map[string]string{"OTHER": "x"}
	p.Phases["install"].Cmds = []string{"yarn"}
	p.Phases["setup"].Variables = map[string]string{"G": "7"}
	p.StaticAssets = map[string]string{"a": "b"}
	p.Start.User = "web"
	in := defaults(Input{Plan: p, CacheKey: "k", Ignore: []string{"dist"}})
	in.LocalUniqueID = "other"
	two := lower(t, in)
	for _, name := range []string{"[nix] nodejs", "[apt] curl"} {
		if find(t, one, name) != find(t, two, name) {
			t.Errorf("%s is not shared", name)
		}
	}
	in.Base.Digest = digest.FromString("other base")
	if find(t, lower(t, in), "[nix] nodejs") == find(t, one, "[nix] nodejs") {
		t.Error("another base has the same packages")
	}
}

// To BuildKit an empty list of include patterns means everything, to a plan nothing.
func TestNoInputsIsNoFiles(t *testing.T) {
	p := &plan.Plan{BuildImage: "registry.example/base", Phases: map[string]*plan.Phase{"a": {Cmds: []string{"true"}, Inputs: []string{}}}}
	res := lowerPlan(t, p)
	if above(res, find(t, res, "[a] true"))[find(t, res, "[app] read the source")] {
		t.Error("a phase that depends on no file sees the source")
	}
}

// The daemon merges equal vertices: in graphs that are built, the directories of two apps must differ.
func TestLocalUniqueID(t *testing.T) {
	in := defaults(Input{Plan: nodePlan()})
	in.LocalUniqueID = ""
	one, two := lower(t, in), lower(t, in)
	if one.Digest == two.Digest {
		t.Error("two builds at once would share their files")
	}
}

func TestIgnoreCache(t *testing.T) {
	in := defaults(Input{Plan: nodePlan()})
	for _, noCache := range []bool{false, true} {
		in.NoCache = noCache
		res := lower(t, in)
		for _, v := range res.Vertices {
			if res.Def.Metadata[v.Digest].IgnoreCache != noCache {
				t.Errorf("NoCache %t: %s ignores the cache: %t", noCache, v.Name, !noCache)
			}
		}
	}
}

// The bundle of certificate authorities is mounted in every step, and is not part of the image.
func TestCA(t *testing.T) {
	in := defaults(Input{Plan: nodePlan(), CA: true})
	in.Plan.Variables = map[string]string{"JAVA_TOOL_OPTIONS": "-Xmx1g"}
	res := lower(t, in)
	if strings.Contains(imageJSON(t, res), "nixpacks-ca") {
		t.Error("the image's configuration names the bundle")
	}
	execs, appended := 0, 0
	for _, op := range decode(t, res.Def) {
		e := op.GetExec()
		if e == nil {
			continue
		}
		execs++
		if slices.Contains(e.Meta.Env, "JAVA_TOOL_OPTIONS=-Xmx1g "+javaTrust) {
			appended++
		}
		mounted := map[string]bool{}
		for _, m := range e.Mounts {
			mounted[m.SecretOpt.GetID()] = m.SecretOpt.GetOptional()
			if strings.HasPrefix(m.Dest, "/etc/ssl") {
				t.Errorf("a mount at %s breaks the package ca-certificates", m.Dest)
			}
		}
		if !mounted[CASecret] || !mounted[TrustStoreSecret] || !slices.Contains(e.Meta.Env, "npm_config_cafile="+caFile) {
			t.Errorf("%q does not trust the bundle", e.Meta.Args)
		}
	}
	if execs != 4 || appended != 2 {
		t.Errorf("%d steps run, and Java's own options are kept in %d", execs, appended)
	}
}

// The platform comes from the input, never from the machine, and is normalized.
func TestPlatform(t *testing.T) {
	at := func(p ocispecs.Platform) *Result { return lower(t, defaults(Input{Plan: nodePlan(), Platform: p})) }
	arm := at(ocispecs.Platform{OS: "linux", Architecture: "arm64"})
	v8 := at(ocispecs.Platform{OS: "linux", Architecture: "arm64", Variant: "v8"})
	amd := at(ocispecs.Platform{OS: "linux", Architecture: "amd64"})
	if arm.Digest != v8.Digest {
		t.Error("arm64 is not arm64/v8")
	}
	if arm.Digest == amd.Digest {
		t.Error("arm64 is amd64")
	}
	for _, op := range decode(t, arm.Def) {
		if op.Platform != nil && op.Platform.Architecture != "arm64" {
			t.Errorf("a step is for %s", op.Platform.Architecture)
		}
	}
}

// Outputs of phases are not copied from the app's directory, unless the user includes them again in .dockerignore.
func TestOutputsAreNotCopied(t *testing.T) {
	p := nodePlan()
	p.Phases["install"].Outputs = []string{"node_modules"}
	in := defaults(Input{Plan: p, Ignore: []string{"*.log", "!node_modules/keep"}})
	res := lower(t, in)
	d := find(t, res, "[app] read the source")
	attrs := decode(t, res.Def)[d].GetSource().GetAttrs()
	want := `["node_modules","*.log","!node_modules/keep"]`
	if got := attrs[pb.AttrExcludePatterns]; got != want {
		t.Errorf("excluded are %s, want %s", got, want)
	}
}

// A run image on the build's base takes its Debian packages from there, if they are the same.
func TestSamePackagesOnce(t *testing.T) {
	for _, c := range []struct {
		name, ref string
		run       []string
		nix, same bool
	}{
		{"the same", "registry.example/base", []string{"curl ca-certificates"}, false, true},
		{"fewer", "registry.example/base", []string{"curl"}, false, false},
		{"another base", "registry.example/run", []string{"ca-certificates", "curl"}, false, false},
		{"Nix packages first", "registry.example/base", []string{"ca-certificates", "curl"}, true, false},
	} {
		p := nodePlan()
		p.Phases["setup"].AptPkgs = []string{"ca-certificates", "curl"}
		if !c.nix {
			p.Phases["setup"].NixPkgs = nil
		}
		p.Start.RunImage, p.Start.AptPkgs = c.ref, c.run
		in := defaults(Input{Plan: p})
		in.Run.Digest = digest.FromString(c.ref)
		in.Base.Digest = digest.FromString(in.Base.Ref)
		installs := 0
		for _, v := range lower(t, in).Vertices {
			if strings.Contains(v.Name, "apt] ") {
				installs++
			}
		}
		if same := installs == 1; same != c.same {
			t.Errorf("%s: Debian packages are installed by %d vertices", c.name, installs)
		}
	}
}

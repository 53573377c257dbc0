package lock

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/cuecontext"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
	"github.com/nixpacks-cue/nixpacks/schema"
)

var digest = "sha256:" + strings.Repeat("0a", 32)

var set = `{"hash": "` + digest + `", "date": "20260301T120000Z", "packages": {"curl": "8.14", "git": "1:2.47"}}`

func module(version, digest string) string {
	return fmt.Sprintf(`{"version": %q, "digest": %q}`, version, digest)
}

// locks are documents with the error that Parse gives for them; "" if there is none.
var locks = map[string]string{
	`{"version": 1}`:                  "",
	`{"version": 1, "providers": {}}`: "",
	`{"version": 1, "providers": {"example.com/lua@v0": ` + module("v0.1.0", digest) + `}}`:      "",
	`{"version": 1, "providers": {"example.com/lua@v1": ` + module("v1.0.0-rc.1", digest) + `}}`: "",

	`{"version": 1, "policies": {"example.com/rules@v0": ` + module("v0.1.0", digest) + `}}`:                                                                            "",
	`{"version": 1, "bases": {"debian://trixie": {"packages": {"amd64": "` + digest + `", "arm64+nix": "` + digest + `"}}, "debian:13": {"digest": "` + digest + `"}}}`: "",
	`{"version": 1, "nix": {"5148520bfab61f99fd25fb9ff7bfbb50dad3c9db": "1dfjmz65h8z4lk845724vypzmf3dbgsdndjpj8ydlhx6c7rpcq3p", "https://example.com/o.tar.gz": ""}}`:   "",

	`{"version": 1, "bases": {"debian://trixie": {"packages": {"amd64": "` + digest + `"}, "dates": {"amd64": "20260301T120000Z"}}}}`: "",
	`{"version": 1, "apt": {"debian://trixie amd64+nix curl git": ` + set + `}}`:                                                      "",

	`{"version": 1, "bases": {"debian://trixie": {"packages": {"amd64": "` + digest + `"}, "dates": {"amd64": "today"}}}}`: `amd64 in the dates of debian://trixie cannot be "today"`,
	`{"version": 1, "bases": {"debian:13": {"digest": "` + digest + `", "dates": {}}}}`:                                    "1:26: debian:13 needs a digest or the hashes of its packages",
	`{"version": 1, "apt": {"debian://trixie amd64": ` + set + `}}`:                                                        `1:24: "debian://trixie amd64" is not a set of Debian packages`,
	`{"version": 1, "apt": {"debian:13@x amd64 curl": ` + set + `}}`:                                                       "is not a set of Debian packages",
	`{"version": 1, "apt": {"debian:13 amd64 curl": {"hash": "` + digest + `", "date": "20260301T120000Z"}}}`:              "the packages of debian:13 amd64 curl are missing",
	`{"version": 1, "apt": {"debian:13 amd64 curl": {"date": "20260301T120000Z", "packages": {}}}}`:                        "the hash of debian:13 amd64 curl is missing",
	`{"version": 1, "apt": {"debian:13 amd64 curl": {"hash": "` + digest + `", "packages": {}}}}`:                          "the date of debian:13 amd64 curl is missing",
	`{"version": 1, "apt": {"debian:13 amd64 curl": ` + strings.Replace(set, "8.14", "8 14", 1) + `}}`:                     `curl in the packages of debian:13 amd64 curl cannot be "8 14"`,

	`{"version": 1, "bases": {"debian:13": {}}}`: "1:26: debian:13 needs a digest or the hashes of its packages",
	`{"version": 1, "bases": {"debian:13": {"digest": "` + digest + `", "packages": {"amd64": "` + digest + `"}}}}`: "1:26: debian:13 needs a digest or the hashes of its packages",
	`{"version": 1, "bases": {"debian:13@` + digest + `": {"digest": "` + digest + `"}}}`:                           "is not an image",
	`{"version": 1, "bases": {"debian://trixie": {"packages": {"AMD": "` + digest + `"}}}}`:                         `"AMD" is not a valid key in the packages of debian://trixie`,
	`{"version": 1, "bases": {"debian:13": {"digest": "latest"}}}`:                                                  `the digest of debian:13 cannot be "latest"`,
	`{"version": 1, "nix": {"x": "no hash"}}`:                                                                       `x in nix cannot be "no hash"`,
	`{"version": 1, "nix": []}`: "nix must be a map, not a list",

	`{}`:                             "1:1: this nixpacks supports only version 1 of nixpacks.lock",
	`{"version": 2}`:                 "1:13: this nixpacks supports only version 1 of nixpacks.lock",
	`{"version": 2, "other": 1}`:     "1:13: this nixpacks supports only version 1 of nixpacks.lock",
	`[]`:                             "1:1: nixpacks.lock must be a map, not a list",
	`{"version": 1, "provider": {}}`: `1:16: unknown key "provider" in nixpacks.lock`,
	`{"version": 1, "registry": "example.com"}`:                                                                           `1:16: unknown key "registry" in nixpacks.lock`,
	`{"version": 1, "providers": []}`:                                                                                     "1:29: providers must be a map, not a list",
	`{"version": 1, "providers": {"example.com/lua@v0": "v0.1.0"}}`:                                                       "1:52: example.com/lua@v0 must be a map, not a string",
	`{"version": 1, "providers": {"example.com/lua@v0": {"version": "v0.1.0"}}}`:                                          "1:30: the digest of example.com/lua@v0 is missing",
	`{"version": 1, "providers": {"example.com/lua@v0": ` + module("v0.1.0", "sha256:00") + `}}`:                          `1:84: the digest of example.com/lua@v0 cannot be "sha256:00"`,
	`{"version": 1, "providers": {"example.com/lua@v0": ` + module("0.1.0", digest) + `}}`:                                `1:64: the version of example.com/lua@v0 cannot be "0.1.0"`,
	`{"version": 1, "providers": {"example.com/lua@v0": ` + module("v0.1.0\n", digest) + `}}`:                             "cannot be",
	`{"version": 1, "providers": {"https://example.com/lua@v0": ` + module("v0.1.0", digest) + `}}`:                       "is not a module path",
	`{"version": 1, "providers": {"example.com/lua": ` + module("v0.1.0", digest) + `}}`:                                  "is not a module path",
	`{"version": 1, "providers": {"../lua@v0": ` + module("v0.1.0", digest) + `}}`:                                        "is not a module path",
	`{"version": 1, "providers": {"example.com/lua@v0": {"version": "v0.1.0", "digest": "` + digest + `", "from": "x"}}}`: `unknown key "from" in example.com/lua@v0`,
}

func TestParse(t *testing.T) {
	for text, want := range locks {
		_, err := Parse([]byte(text), File)
		if want == "" {
			if err != nil {
				t.Errorf("%s: %v", text, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), want) || fault.CodeOf(err) != fault.Refused {
			t.Errorf("%s:\n%v\nwant\n%s", text, err, want)
		}
	}
}

// The schema, which editors read, accepts what Parse accepts.
func TestSchema(t *testing.T) {
	var all strings.Builder
	for _, name := range []string{"plan.cue", "lock.cue"} {
		file, err := schema.FS.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all.WriteString(strings.Replace(string(file), "package schema\n", "\n", 1))
	}
	ctx := cuecontext.New()
	def := ctx.CompileString(all.String()).LookupPath(cue.ParsePath("#Lock"))
	for text, want := range locks {
		err := def.Unify(ctx.CompileString(text)).Validate(cue.Concrete(true))
		if (err == nil) != (want == "") {
			t.Errorf("%s: the schema says %v, Parse is to say %q", text, err, want)
		}
	}
}

// A version must have the major version of the path, which the schema cannot express.
func TestMajor(t *testing.T) {
	for path, ok := range map[string]bool{"example.com/lua@v0": true, "example.com/lua@v1": false} {
		_, err := Parse([]byte(`{"version": 1, "providers": {"`+path+`": `+module("v0.1.0", digest)+`}}`), File)
		if (err == nil) != ok {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// A lock is written sorted, and reads back equal.
func TestJSON(t *testing.T) {
	l := &Lock{Providers: map[string]Module{}}
	for i := range 20 {
		l.Providers[fmt.Sprintf("example.com/m%d@v0", i)] = Module{"v0.1.0", digest}
	}
	first := l.JSON()
	for range 20 {
		back, err := Parse(first, File)
		if err != nil {
			t.Fatal(err)
		}
		if again := back.JSON(); !bytes.Equal(first, again) {
			t.Fatalf("%s\nand\n%s", first, again)
		}
	}
	for i := range MaxModules {
		l.Providers[fmt.Sprintf("example.com/n%d@v0", i)] = Module{"v0.1.0", digest}
	}
	if _, err := Parse(l.JSON(), File); err == nil || !strings.Contains(err.Error(), "providers has 84 modules, but at most 64 are allowed") {
		t.Errorf("%v", err)
	}
}

// Pinning in a copy does not change the original.
func TestClone(t *testing.T) {
	l := &Lock{Providers: map[string]Module{"p@v0": {"v0.1.0", digest}}, Policies: map[string]Module{"p@v0": {"v0.1.0", digest}},
		Bases: map[string]Base{"a": {Digest: digest}, "debian://x": {Packages: map[string]string{"amd64": digest}, Dates: map[string]string{"amd64": "d"}}},
		Nix:   map[string]string{"rev": "1"}, Apt: map[string]Apt{"a amd64 b": {Hash: digest}}}
	before := l.JSON()
	c := l.Clone()
	if !bytes.Equal(c.JSON(), before) {
		t.Fatalf("%s became %s", before, c.JSON())
	}
	for _, pins := range []map[string]Module{c.Providers, c.Policies} {
		pins["p@v0"], pins["q@v0"] = Module{"v0.2.0", digest}, Module{}
	}
	c.PinImage("debian://x", "arm64", "2", "e")
	c.PinImage("b", "", "2", "")
	c.PinApt("a amd64 b", nil, "e")
	c.Nix["rev"] = "2"
	if !bytes.Equal(l.JSON(), before) {
		t.Errorf("%s became %s", before, l.JSON())
	}
	if !(&Lock{}).Clone().Empty() {
		t.Error("nothing became something")
	}
}

func planned() *plan.Plan {
	return &plan.Plan{
		BuildImage: "debian:13", Start: &plan.Start{RunImage: "debian:13-slim"},
		Phases: map[string]*plan.Phase{
			"setup": {NixPkgs: []string{"a"}, NixpkgsArchive: "rev", NixOverlays: []string{"https://example.com/o"}},
			"other": {NixpkgsArchive: "unused"},
		},
		NixHashes: map[string]string{"rev": "of the plan"},
	}
}

func TestApply(t *testing.T) {
	l := &Lock{Bases: map[string]Base{"debian:13": {Digest: digest}, "debian:13-slim": {Digest: digest}}, Nix: map[string]string{"rev": "of the lock", "https://example.com/o": "known"}}
	p := planned()
	l.Apply(p)
	if p.BuildImage != "debian:13@"+digest || p.Start.RunImage != "debian:13-slim@"+digest {
		t.Errorf("%s %s", p.BuildImage, p.Start.RunImage)
	}
	if p.NixHashes["rev"] != "of the plan" || p.NixHashes["https://example.com/o"] != "known" {
		t.Errorf("%v", p.NixHashes)
	}
	if got := l.Drift(p); len(got) != 1 || got[0] != "the archive rev of Nix packages has the hash of the plan, but the lock file has of the lock" {
		t.Errorf("%q", got)
	}
	p = planned() // without Apply nothing is pinned
	if got := (&Lock{}).Drift(p); len(got) != 4 || got[0] != "the image debian:13 is not pinned" || got[2] != "the archive https://example.com/o of Nix packages is not pinned" {
		t.Errorf("%q", got)
	}
	p = &plan.Plan{BuildImage: "oci-layout:///x", NixHashes: map[string]string{}, Phases: map[string]*plan.Phase{}}
	if got := (&Lock{}).Drift(p); got != nil {
		t.Errorf("%q", got)
	}
	p = planned()
	p.NixHashes["https://example.com/o"] = "" // disables the check
	if l.Apply(p); p.NixHashes["https://example.com/o"] != "" {
		t.Errorf("%v", p.NixHashes)
	}
}

func TestChanges(t *testing.T) {
	one := &Lock{Bases: map[string]Base{"a": {Digest: "1"}, "b": {Digest: "1"}, "debian://x": {Packages: map[string]string{"amd64": "1"}}}}
	two := &Lock{Bases: map[string]Base{"b": {Digest: "2"}, "debian://x": {Packages: map[string]string{"amd64": "2", "arm64": "3"}}}, Nix: map[string]string{"rev": ""},
		Providers: map[string]Module{"m@v0": {"v0.1.0", "d"}}, Policies: map[string]Module{"m@v0": {"v0.2.0", "e"}}}
	want := []string{
		"added    the archive rev of Nix packages: no hash",
		"removed  the image a, which was 1",
		"changed  the image b: 2, which was 1",
		"changed  the packages of debian://x for amd64: 2, which was 1",
		"added    the packages of debian://x for arm64: 3",
		"added    the policies of m@v0: v0.2.0 e",
		"added    the providers of m@v0: v0.1.0 d",
	}
	if got := one.Changes(two); !slices.Equal(got, want) {
		t.Errorf("%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if got := one.Changes(one); got != nil {
		t.Errorf("%q", got)
	}
}

// One lock serves several plans: Add changes the pins of one of them and keeps those of the others.
func TestAdd(t *testing.T) {
	of := func(web string) *Lock {
		return &Lock{Providers: map[string]Module{"m@v0": {"v0.1.0", digest}}, Nix: map[string]string{"of web": web, "of another": "1"},
			Bases: map[string]Base{"a": {Digest: web}, "b": {Digest: "1"}, "debian://x": {Packages: map[string]string{"amd64": web, "arm64": "1"}}}}
	}
	found := &Lock{Bases: map[string]Base{"a": {Digest: "2"}, "debian://x": {Packages: map[string]string{"amd64": "2"}}}, Nix: map[string]string{"of web": "2"}}
	for inPlace, want := range map[bool]*Lock{true: of("2"), false: of("1")} {
		l := of("1")
		if l.Add(found, inPlace); !bytes.Equal(l.JSON(), want.JSON()) {
			t.Errorf("%s\nwant\n%s", l.JSON(), want.JSON())
		}
	}
	empty := &Lock{}
	if empty.Add(found, false); !bytes.Equal(empty.JSON(), found.JSON()) {
		t.Errorf("%s\nwant\n%s", empty.JSON(), found.JSON())
	}
	want := []string{
		"kept     the archive of another of Nix packages, which this plan does not use",
		"kept     the image b, which this plan does not use",
		"kept     the packages of debian://x for arm64, which this plan does not use",
	}
	if got := of("2").Beyond(found); !slices.Equal(got, want) {
		t.Errorf("%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func FuzzLock(f *testing.F) {
	for text := range locks {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		l, err := Parse(text, File)
		if err != nil {
			var known *fault.Fault
			if !errors.As(err, &known) || fault.CodeOf(err) != fault.Refused {
				t.Fatalf("%v", err)
			}
			return
		}
		again, err := Parse(l.JSON(), File)
		if err != nil || !bytes.Equal(again.JSON(), l.JSON()) {
			t.Fatalf("%s became %s: %v", text, l.JSON(), err)
		}
	})
}

package lock

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/cuecontext"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/schema"
)

var digest = "sha256:" + strings.Repeat("0a", 32)

func module(version, digest string) string {
	return fmt.Sprintf(`{"version": %q, "digest": %q}`, version, digest)
}

// locks are texts, and what is said of those that are none; "" is one that is read.
var locks = map[string]string{
	`{"version": 1}`:                  "",
	`{"version": 1, "providers": {}}`: "",
	`{"version": 1, "providers": {"example.com/lua@v0": ` + module("v0.1.0", digest) + `}}`:      "",
	`{"version": 1, "providers": {"example.com/lua@v1": ` + module("v1.0.0-rc.1", digest) + `}}`: "",

	`{}`:                             "1:1: this nixpacks reads version 1 of nixpacks.lock alone",
	`{"version": 2}`:                 "1:13: this nixpacks reads version 1 of nixpacks.lock alone",
	`{"version": 2, "other": 1}`:     "1:13: this nixpacks reads version 1 of nixpacks.lock alone",
	`[]`:                             "1:1: nixpacks.lock must be a map, not a list",
	`{"version": 1, "provider": {}}`: `1:16: unknown key "provider" in nixpacks.lock`,
	`{"version": 1, "registry": "example.com"}`:                                                                           `1:16: unknown key "registry" in nixpacks.lock`,
	`{"version": 1, "providers": []}`:                                                                                     "1:29: providers must be a map, not a list",
	`{"version": 1, "providers": {"example.com/lua@v0": "v0.1.0"}}`:                                                       "1:52: example.com/lua@v0 must be a map, not a string",
	`{"version": 1, "providers": {"example.com/lua@v0": {"version": "v0.1.0"}}}`:                                          "1:30: the digest of example.com/lua@v0 is not there",
	`{"version": 1, "providers": {"example.com/lua@v0": ` + module("v0.1.0", "sha256:00") + `}}`:                          `1:84: the digest of example.com/lua@v0 cannot be "sha256:00"`,
	`{"version": 1, "providers": {"example.com/lua@v0": ` + module("0.1.0", digest) + `}}`:                                `1:64: the version of example.com/lua@v0 cannot be "0.1.0"`,
	`{"version": 1, "providers": {"example.com/lua@v0": ` + module("v0.1.0\n", digest) + `}}`:                             "cannot be",
	`{"version": 1, "providers": {"https://example.com/lua@v0": ` + module("v0.1.0", digest) + `}}`:                       "is no path of a module",
	`{"version": 1, "providers": {"example.com/lua": ` + module("v0.1.0", digest) + `}}`:                                  "is no path of a module",
	`{"version": 1, "providers": {"../lua@v0": ` + module("v0.1.0", digest) + `}}`:                                        "is no path of a module",
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

// The schema, which editors read, takes what Parse takes.
func TestSchema(t *testing.T) {
	file, err := schema.FS.ReadFile("lock.cue")
	if err != nil {
		t.Fatal(err)
	}
	ctx := cuecontext.New()
	def := ctx.CompileBytes(file).LookupPath(cue.ParsePath("#Lock"))
	for text, want := range locks {
		err := def.Unify(ctx.CompileString(text)).Validate(cue.Concrete(true))
		if (err == nil) != (want == "") {
			t.Errorf("%s: the schema says %v, Parse is to say %q", text, err, want)
		}
	}
}

// A version of another major version than the path's is wrong, which the schema cannot say.
func TestMajor(t *testing.T) {
	for path, ok := range map[string]bool{"example.com/lua@v0": true, "example.com/lua@v1": false} {
		_, err := Parse([]byte(`{"version": 1, "providers": {"`+path+`": `+module("v0.1.0", digest)+`}}`), File)
		if (err == nil) != ok {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// A lock is written sorted, and is read as what was written.
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
	if _, err := Parse(l.JSON(), File); err == nil || !strings.Contains(err.Error(), "providers names 84 modules, and 64 are the most") {
		t.Errorf("%v", err)
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

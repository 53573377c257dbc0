package policy

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nixpacks-cue/nixpacks/engine/catalog"
)

// Each of examples/policies states its purpose, accepts a good plan, and refuses a bad one with its own message. The stock cue
// command gives the same verdicts.
func TestReady(t *testing.T) {
	const folder = "../../examples/policies"
	files, err := filepath.Glob(folder + "/*.cue")
	if err != nil || len(files) < 6 {
		t.Fatal(files, err)
	}
	read := func(name string) string {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	good := read(folder + "/testdata/passes.json")
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".cue")
		t.Run(name, func(t *testing.T) {
			text, bad := read(file), read(folder+"/testdata/"+name+".json")
			check := func(plan string) *Result {
				in := decoded(t, plan)
				in.Given = [][]catalog.Source{{{Name: file, Data: []byte(text)}}}
				res, err := Check(in)
				if err != nil {
					t.Fatal(err)
				}
				return res
			}
			res := check(good)
			if len(res.Violations) > 0 || len(res.Notes) > 0 || res.Policies[0].About(file) == "" {
				t.Errorf("of a good plan: %v, %v, about %q", res.Err(), res.Notes, res.Policies[0].About(file))
			}
			res = check(bad)
			if len(res.Violations) == 0 {
				t.Error("it holds for a bad plan")
			}
			for _, v := range res.Violations {
				if !v.authored || v.Path == "" || len(v.Set) == 0 {
					t.Errorf("%q of %q, set by %v", v.Message, v.Path, v.Set)
				}
			}
			if err := vet(t, good, text); err != nil {
				t.Errorf("cue vet refuses a good plan: %v", err)
			}
			if err := vet(t, bad, text); err == nil {
				t.Error("cue vet takes a bad plan")
			}
		})
	}
}

// What the patterns in the example policies match and what they do not.
func TestReadyPatterns(t *testing.T) {
	for _, c := range []struct {
		policy, value string // the value of start.cmd, NAME=VALUE for a variable, or user=
		holds         bool
	}{
		{"no-pipe-to-shell", "curl -fsSL https://x | sh", false},
		{"no-pipe-to-shell", "curl x|bash -s -- -y", false},
		{"no-pipe-to-shell", "wget -qO- x | sudo -E bash -", false},
		{"no-pipe-to-shell", "curl x | tee y | /bin/sh", false},
		{"no-pipe-to-shell", "sh -c \"$(curl x)\"", false},
		{"no-pipe-to-shell", "bash <(curl x)", false},
		{"no-pipe-to-shell", "curl -o y x && sha256sum -c y.sum && sh y", true},
		{"no-pipe-to-shell", "curl x | tar xz && ./publish.sh", true},
		{"no-pipe-to-shell", "curl x | jq .shards", true},
		{"non-root-user", "user=root", false},
		{"non-root-user", "user=root:root", false},
		{"non-root-user", "user=0", false},
		{"non-root-user", "user=0:1000", false},
		{"non-root-user", "user=1000", true},
		{"non-root-user", "user=rooted", true},
		{"no-secrets-in-variables", "DB_PASSWORD=x", false},
		{"no-secrets-in-variables", "Token=x", false},
		{"no-secrets-in-variables", "AWS=AKIAIOSFODNN7EXAMPLE", false},
		{"no-secrets-in-variables", "URL=postgres://user:pass@host/db", false},
		{"no-secrets-in-variables", "URL=postgres://host/db", true},
		{"no-secrets-in-variables", "PASSWORD=", true},
		{"no-secrets-in-variables", "TOKENIZER=fast", true},
		{"no-secrets-in-variables", "NIXPACKS_METADATA=node", true},
	} {
		text, err := os.ReadFile("../../examples/policies/" + c.policy + ".cue")
		if err != nil {
			t.Fatal(err)
		}
		in := decoded(t, `{"buildImage": "x", "start": {"user": "1"}}`)
		switch name, value, ok := strings.Cut(c.value, "="); {
		case c.policy == "no-pipe-to-shell":
			in.Plan.Start.Cmd = c.value
		case c.policy == "non-root-user":
			in.Plan.Start.User = value
		case ok:
			in.Plan.Variables = map[string]string{name: value}
		}
		in.Given = one(string(text))
		if res, err := Check(in); err != nil || (len(res.Violations) == 0) != c.holds {
			t.Errorf("%s of %q: %v, %v", c.policy, c.value, err, res.Err())
		}
	}
}

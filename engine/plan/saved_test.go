package plan

import (
	"strings"
	"testing"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

func TestSaved(t *testing.T) {
	p := &Plan{Providers: []string{}, BuildImage: "debian:13", Start: &Start{Cmd: "true"}}
	file := Saved{Plan: p, Syntax: "frontend:1", CacheKey: "k"}.JSON()
	for _, head := range []string{"", "# syntax=frontend:1\n\n", "// syntax=frontend:1\n# more\n"} {
		s, err := DecodeSaved([]byte(head+string(file)), "plan.json", "")
		if err != nil || s.Syntax != "frontend:1" || s.CacheKey != "k" || string(s.Plan.JSON()) != string(p.JSON()) {
			t.Errorf("%q: %+v, %v", head, s, err)
		}
	}
	// Positions count the comment lines, too.
	_, err := DecodeSaved([]byte("# syntax=x\n{\"buildImagee\": \"a\"}"), "f", "")
	if err == nil || !strings.HasPrefix(err.Error(), "f:2:2: unknown field") {
		t.Error(err)
	}
	for _, bad := range []string{`{"buildImage": "oci-layout:///x"}`, `{"buildImage": "a", "start": {"runImage": "oci-layout:///x"}}`} {
		if _, err := DecodeSaved([]byte(bad), "f", ""); err == nil {
			t.Errorf("%s names a file of this machine and is taken", bad)
		}
	}
	if s, err := DecodeSaved([]byte(`{"buildImage": "oci-layout:///x"}`), "f", "oci-layout:///y"); err != nil || s.Plan.BuildImage != "oci-layout:///y" {
		t.Errorf("the command line's image: %+v, %v", s, err)
	}
}

// A file accepted as a saved plan encodes to the same plan.
func FuzzSaved(f *testing.F) {
	p := &Plan{Providers: []string{}, BuildImage: "debian:13", Phases: map[string]*Phase{"a": {Cmds: []string{"x"}}}, Start: &Start{Cmd: "true"}}
	f.Add("# syntax=frontend:1\n" + string(Saved{Plan: p, Syntax: "frontend:1", CacheKey: "k"}.JSON()))
	for _, s := range []string{"", "#", "// x", "\n\n{}", "{\"cacheKey\": 1}", "{\"syntax\": \"a\\u0000\"}", "{\"buildImage\": \"oci-layout:///x\"}", "{\"phases\": []}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := DecodeSaved([]byte(text), "f", "")
		if err != nil {
			for _, one := range fault.All(err) {
				if one.Code != fault.Refused && one.Code != fault.Usage {
					t.Fatalf("code %d: %v", one.Code, err)
				}
			}
			return
		}
		again, err := DecodeSaved(s.JSON(), "f", "")
		if err != nil {
			t.Fatalf("%s: %v", s.JSON(), err)
		}
		if again.Syntax != s.Syntax || again.CacheKey != s.CacheKey || string(again.Plan.JSON()) != string(s.Plan.JSON()) {
			t.Errorf("%s became %s", s.JSON(), again.JSON())
		}
	})
}

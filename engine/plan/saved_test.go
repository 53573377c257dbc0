package plan

import (
	"strings"
	"testing"
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
	// A place is one in the file, comments included.
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

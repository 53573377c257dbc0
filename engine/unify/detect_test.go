package unify

import (
	"slices"
	"strings"
	"testing"

	"github.com/nixpacks-cue/nixpacks/engine/app"
)

// Detect returns the providers that Plan would evaluate, for every kind of configuration, and evaluates nothing.
func TestDetect(t *testing.T) {
	for _, c := range []struct {
		name, file, text string
		o                Options
		want             string
	}{
		{name: "detected", want: "web"},
		{name: "toml", file: "nixpacks.toml", text: `providers = ["py", "..."]`, want: "py web"},
		{name: "cue", file: "nixpacks.cue", text: `providers: ["@auto", "py"]`, want: "web py"},
		{name: "default in cue", file: "nixpacks.cue", text: `providers: *["py"] | [...string]`, want: "py"},
		{name: "json plan over cue", file: "nixpacks.cue", text: `providers: ["py"]`, o: Options{JSONPlan: []byte(`{"providers": ["..."]}`)}, want: "web py"},
		{name: "none", file: "nixpacks.json", text: `{"providers": []}`, want: ""},
		{name: "cue elsewhere wrong", file: "nixpacks.cue", text: `phases: build: cmd: 1`, want: "web"},
	} {
		tc := &testCase{dir: t.TempDir()}
		tc.write(t, "web.txt", "")
		if c.file != "" {
			tc.write(t, c.file, c.text)
		}
		a, err := app.Open(tc.dir)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Detect(a, testCatalog(t), c.o)
		if err != nil || !slices.Equal(got, strings.Fields(c.want)) {
			t.Errorf("%s: %q, %v; want %q", c.name, got, err, c.want)
		}
		a.Close()
	}
}

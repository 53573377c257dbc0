package frontend

import (
	"testing"
	"testing/fstest"

	"github.com/nixpacks-cue/nixpacks/engine/app"
	"github.com/nixpacks-cue/nixpacks/engine/catalog"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/lock"
)

// Ignoring the providers in the app's lock would give a different plan.
func TestLockedProviders(t *testing.T) {
	builtin, err := catalog.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	for text, code := range map[string]fault.Code{
		`{"version": 1}`: fault.OK,
		`{"version": 1, "providers": {"example.com/lua@v0": {"version": "v0.1.0", "digest": "sha256:0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a"}}}`: fault.Refused,
		`{"version": 3}`: fault.Refused,
	} {
		a := app.FromFS(fstest.MapFS{lock.File: {Data: []byte(text)}}, "app")
		if _, err := (&build{catalog: builtin}).providers(a); fault.CodeOf(err) != code {
			t.Errorf("%s: %v", text, err)
		}
	}
}

package cli

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	cuecmd "cuelang.org/go/cmd/cue/cmd"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/nixpacks-cue/nixpacks/engine/buildkitd"
)

var update = flag.Bool("update", false, "rewrite what scripts and goldens expect")

func TestMain(m *testing.M) {
	if handled, code := buildkitd.Main(); handled { // this binary is also the engine and its runtime
		os.Exit(code)
	}
	testscript.Main(m, map[string]func(){
		"nixpacks": func() { os.Exit(Main(os.Args)) },
		"cue":      func() { os.Exit(cuecmd.Main()) },
	})
}

// TestScript runs testdata/script/*.txtar: the command line as people use it, with what it prints.
func TestScript(t *testing.T) {
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "../testdata/script",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("ROOT", root)
			env.Setenv("HOME", filepath.Join(env.WorkDir, "home"))
			return nil
		},
	})
}

package cli

import (
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
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

// exits runs a command and checks its exit code: `exits 21 nixpacks plan app`.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND ARGS…")
	}
	got := "0"
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		got = strconv.Itoa(exit.ExitCode())
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if got != args[0] {
		ts.Fatalf("exit code %s, want %s", got, args[0])
	}
}

var scriptCommands = map[string]func(*testscript.TestScript, bool, []string){"exits": exits}

// TestScript runs testdata/script/*.txtar: the command line as people use it, and its output.
func TestScript(t *testing.T) {
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	self, err := exec.LookPath("nixpacks") // in the directory of testscript, which has only this and cue
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "../testdata/script",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds:                scriptCommands,
		Setup: func(env *testscript.Env) error {
			env.Setenv("ROOT", root)
			env.Setenv("BIN", filepath.Dir(self))
			env.Setenv("HOME", filepath.Join(env.WorkDir, "home"))
			return nil
		},
	})
}

package cli

import (
	"slices"
	"strings"
	"testing"

	ucli "github.com/urfave/cli/v2"
)

func testCommands() []*ucli.Command {
	return []*ucli.Command{{
		Name: "build",
		Flags: []ucli.Flag{
			&ucli.StringFlag{Name: "name", Aliases: []string{"n"}},
			&ucli.StringSliceFlag{Name: "env", Aliases: []string{"e"}},
			&ucli.BoolFlag{Name: "no-cache"},
			&ucli.BoolFlag{Name: "verbose", Aliases: []string{"v"}},
		},
	}, {
		Name:  "run",
		Flags: []ucli.Flag{&ucli.StringFlag{Name: "name", Aliases: []string{"n"}}},
	}, {
		Name:        "cache",
		Subcommands: []*ucli.Command{{Name: "prune", Flags: []ucli.Flag{&ucli.BoolFlag{Name: "all"}}}},
	}}
}

func TestArrange(t *testing.T) {
	for in, want := range map[string]string{
		"build ./app --name x":           "build --name=x -- ./app",
		"build ./app --name=x -e A=1":    "build --name=x --env=A=1 -- ./app",
		"build -e A=1 --env B=2 -eC=3":   "build --env=A=1 --env=B=2 --env=C=3 --",
		"build -e=A=1 -eA . --env=B=":    "build --env=A=1 --env=A --env=B= -- .",
		"build -vn x . -vnx -v":          "build --verbose --name=x --verbose --name=x --verbose -- .",
		"build -vx .":                    "build -vx -- .",
		"build -name x .":                "build --name=x -- .",
		"--env A=1 build ./app":          "build --env=A=1 -- ./app",
		"-eA=1 build ./app":              "build --env=A=1 -- ./app",
		"build --no-cache ./app":         "build --no-cache -- ./app",
		"build --no-cache=false ./app":   "build --no-cache=false -- ./app",
		"build ./app -- --name x":        "build -- ./app --name x",
		"build ./app --nmae x":           "build --nmae -- ./app x",
		"build - --name -":               "build --name=- -- -",
		"build ./app --name":             "build --name -- ./app",
		"build --name --":                "build --name --",
		"--version":                      "--version",
		"unknown ./app --name x":         "unknown ./app --name x",
		"-n build build .":               "build --name=build -- .",
		"build . --env --no-cache --env": "build --env=--no-cache --env -- .",
		"run . -- npm test --all":        "run -- . | npm test --all",
		"run -- -x":                      "run -- | -x",
		"run -n a":                       "run --name=a --",
		"cache prune --all":              "cache prune --all --",
		"--all cache prune":              "cache prune --all --",
		"cache prnue":                    "cache prnue",
	} {
		arranged, tail := arrange(strings.Fields(in), testCommands(), "run")
		got := strings.Join(arranged, " ")
		if tail != nil {
			got += " | " + strings.Join(tail, " ")
		}
		if got != want {
			t.Errorf("%s\n got %s\nwant %s", in, got, want)
		}
	}
}

// FuzzArrange checks that no argument is lost, and that arranging arranged arguments changes nothing.
func FuzzArrange(f *testing.F) {
	f.Add("build ./app --name x")
	f.Add("-- build -n")
	f.Add("--env build=1 build")
	f.Add("build -vne -e--x=1 -n")
	f.Add("run -- run -- x")
	f.Fuzz(func(t *testing.T, line string) {
		in := strings.Fields(line)
		arranged, tail := arrange(slices.Clone(in), testCommands(), "")
		all := strings.Join(append(slices.Clone(arranged), tail...), " ")
		for _, w := range in {
			if !strings.HasPrefix(w, "-") && !strings.Contains(all, w) {
				t.Errorf("%q became %q", in, all)
			}
		}
		if cmd, _ := commandName(in, testCommands()); cmd == nil || slices.Contains(in, "--") {
			return
		}
		if again, _ := arrange(slices.Clone(arranged), testCommands(), ""); !slices.Equal(again, arranged) {
			t.Errorf("%q became %q, then %q", in, arranged, again)
		}
	})
}

func TestFlagMistakes(t *testing.T) {
	for line, want := range map[string]string{
		"build -n a --name b":         "--name is given twice, but accepts one value",
		"build . -e":                  "--env needs a value",
		"build -e A -e A":             "",
		"build . -- -n a -n b":        "",
		"build --no-cache --no-cache": "",
	} {
		cmd, _ := commandName(strings.Fields(line), testCommands())
		arranged, _ := arrange(strings.Fields(line), testCommands(), "run")
		got := ""
		if err := flagMistakes(arranged, cmd); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
}

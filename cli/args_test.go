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
		"build ./app --name x":           "build --name x -- ./app",
		"build ./app --name=x -e A=1":    "build --name=x -e A=1 -- ./app",
		"--env A=1 build ./app":          "build --env A=1 -- ./app",
		"build --no-cache ./app":         "build --no-cache -- ./app",
		"build ./app -- --name x":        "build -- ./app --name x",
		"build ./app --nmae x":           "build --nmae -- ./app x",
		"build - --name -":               "build --name - -- -",
		"build ./app --name":             "build --name -- ./app",
		"--version":                      "--version",
		"unknown ./app --name x":         "unknown ./app --name x",
		"-n build build .":               "build -n build -- .",
		"build . --env --no-cache --env": "build --env --no-cache --env -- .",
		"run . -- npm test --all":        "run -- . | npm test --all",
		"run -- -x":                      "run -- | -x",
		"run -n a":                       "run -n a --",
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

// Nothing is lost or invented, whatever is written, but for the "--" that ends the flags.
func FuzzArrange(f *testing.F) {
	f.Add("build ./app --name x")
	f.Add("-- build -n")
	f.Add("--env build=1 build")
	f.Add("run -- run -- x")
	f.Fuzz(func(t *testing.T, line string) {
		in := strings.Fields(line)
		arranged, tail := arrange(slices.Clone(in), testCommands(), "run")
		out := append(arranged, tail...)
		for _, words := range []*[]string{&in, &out} {
			*words = slices.DeleteFunc(*words, func(w string) bool { return w == "--" })
			slices.Sort(*words)
		}
		if !slices.Equal(in, out) {
			t.Errorf("%q became %q", in, out)
		}
	})
}

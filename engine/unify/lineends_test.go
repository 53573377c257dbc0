package unify

import (
	"testing"

	"github.com/nixpacks-cue/nixpacks/engine/app"
)

// Each script with Windows line ends that a command names is noted once.
func TestLineEnds(t *testing.T) {
	c := &testCase{dir: t.TempDir()}
	for name, text := range map[string]string{
		"start.sh":      "#!/bin/sh\r\nexec true\r\n",
		"bin/build":     "#!/bin/sh\r\n",
		"linux.sh":      "#!/bin/sh\n\r\n",
		"data.csv":      "a,b\r\n",
		"unused.sh":     "#!/bin/sh\r\n",
		"empty.sh":      "",
		"nixpacks.toml": "[phases.build]\ncmds = [\"bash 'bin/build' && ./linux.sh data.csv empty.sh\"]\n[start]\ncmd = \"/app/start.sh; ./start.sh\"\n",
	} {
		c.write(t, name, text)
	}
	a, err := app.Open(c.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	res, err := Plan(a, testCatalog(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, n := range res.Notes {
		got = append(got, n.Text)
	}
	if len(got) != 2 || got[0] != "bin/build has Windows line endings, and will not run on Linux" ||
		got[1] != "start.sh has Windows line endings, and will not run on Linux" {
		t.Errorf("notes: %q", got)
	}
}

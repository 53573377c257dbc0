package unify

import (
	"strings"
	"testing"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

func evalText(text string) error {
	e, err := evalCUE(&config{name: "nixpacks.cue", text: []byte(text)}, &plan.Plan{})
	if err != nil {
		return err
	}
	return e.mistakes(&plan.Plan{})
}

// Syntax trees that are too deep are refused before anything walks them.
func TestHostileDepth(t *testing.T) {
	const n = 6000
	for name, text := range map[string]string{
		"path":          strings.Repeat("a: ", n) + "1",
		"sum":           "a: " + strings.Repeat("1+", n) + "1",
		"conditions":    "a: {" + strings.Repeat("if true {", n) + "b: 1" + strings.Repeat("}", n) + "}",
		"selectors":     "a: a" + strings.Repeat(".a", n),
		"lists":         "a: " + strings.Repeat("[", n) + strings.Repeat("]", n),
		"interpolation": "a: " + strings.Repeat(`"\(`, n) + "1" + strings.Repeat(`)"`, n),
	} {
		if err := evalText(text); fault.CodeOf(err) != fault.Refused || !strings.Contains(err.Error(), "nest") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestHostileSize(t *testing.T) {
	for _, name := range ConfigNames {
		c := &testCase{dir: t.TempDir()}
		c.write(t, name, strings.Repeat("// x\n", maxFile/5+1))
		got := c.outcome(t, testCatalog(t))["error"]
		if want := "error: " + name + " is larger than 256 KB\n  " + name + "\nexit 21\n"; got != want {
			t.Errorf("got %s", got)
		}
	}
}

// A configuration's name cannot be used to read files outside the app, not even through a symlink.
func TestConfigOutside(t *testing.T) {
	secret := t.TempDir()
	(&testCase{dir: secret}).write(t, "secret.toml", "password = \"hunter2\"\n")
	for _, o := range []Options{
		{Env: map[string]string{"NIXPACKS_CONFIG_FILE": secret + "/secret.toml"}},
		{Env: map[string]string{"NIXPACKS_CONFIG_FILE": "../secret.toml"}},
		{Config: "../secret.toml"},
		{},
	} {
		c := &testCase{dir: t.TempDir(), options: o}
		c.write(t, "web.txt", "")
		c.link(t, secret+"/secret.toml", "nixpacks.toml")
		got := c.outcome(t, testCatalog(t))
		if got["error"] == "" || strings.Contains(got["error"], "password") {
			t.Errorf("%+v: %v", o, got)
		}
	}
	// The command line may name any file.
	c := &testCase{dir: t.TempDir(), options: Options{Config: secret + "/secret.toml"}}
	if got := c.outcome(t, testCatalog(t))["error"]; !strings.Contains(got, `unknown field "password"`) {
		t.Errorf("%s", got)
	}
}

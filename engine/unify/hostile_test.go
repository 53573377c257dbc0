package unify

import (
	"fmt"
	"strings"
	"testing"
	"time"

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

// Files that ask for more than there is end in a fault, not in a hanging or dying program.
func TestHostileCost(t *testing.T) {
	doubling := "_a0: \"" + strings.Repeat("x", 1000) + "\"\n"
	for i := 1; i < 18; i++ { // what is not stopped ends by itself, at 131 MB
		doubling += fmt.Sprintf("_a%d: _a%d + _a%d\n", i, i-1, i-1)
	}
	for _, c := range []struct {
		name, text, want string
		b                budget
	}{
		{"time", "import \"list\"\n_l: list.Range(0, 150, 1)\nvariables: {for a in _l for b in _l {\"v\\(a)\": \"\"}}",
			"nixpacks.cue takes too much time to evaluate", budget{time.Millisecond, 8 << 30}},
		{"memory", doubling + "start: cmd: _a17",
			"nixpacks.cue takes too much memory to evaluate", budget{time.Minute, 8 << 20}},
	} {
		err := c.b.guard("nixpacks.cue", func() error { return evalText(c.text) })
		if fault.CodeOf(err) != fault.Refused || fault.All(err)[0].Msg != c.want {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// Syntax trees of any depth are refused before anything walks them.
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

// A panic in the evaluator is our fault, told as one.
func TestGuardPanic(t *testing.T) {
	err := allowed.guard("nixpacks.cue", func() error { panic("index out of range") })
	if fault.CodeOf(err) != fault.Bug || strings.Contains(fault.All(err)[0].Msg, "index") {
		t.Errorf("%v", err)
	}
}

func TestHostileSize(t *testing.T) {
	for _, name := range configNames {
		c := &testCase{dir: t.TempDir()}
		c.write(t, name, strings.Repeat("// x\n", maxFile/5+1))
		got := c.outcome(t, testCatalog(t))["error"]
		if want := "error: " + name + " is larger than 256 KB\n  " + name + "\nexit 21\n"; got != want {
			t.Errorf("got %s", got)
		}
	}
}

// A place outside the app is not read through a configuration's name, be it by a link.
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

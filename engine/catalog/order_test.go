package catalog

import (
	"bytes"
	"strings"
	"testing"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// others returns a catalog of providers from lines NAME[: FIELDS].
func others(t *testing.T, lines ...string) *Catalog {
	t.Helper()
	files, order := map[string]string{}, ""
	for _, l := range lines {
		name, fields, _ := strings.Cut(l, ": ")
		files[name+"/p.cue"] = provider(name) + fields + "\n"
		order += `"` + name + `",`
	}
	files["order.cue"] = "package all\norder: [" + order + "]\n"
	c, err := Load(folders(files), "x")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func tried(c *Catalog) string {
	var names []string
	for _, p := range c.Tried() {
		names = append(names, p.Name)
	}
	return strings.Join(names, " ")
}

func TestOrder(t *testing.T) {
	for _, tc := range []struct {
		more []string
		want string
	}{
		{[]string{"x"}, "x a b c d"},
		{[]string{"x: after: [\"b\"]"}, "a b x c d"},
		{[]string{"x: before: [\"c\"]"}, "x a b c d"},
		{[]string{"x: after: [\"b\"], before: [\"d\"]"}, "a b x c d"},
		{[]string{"c: before: [\"b\"]"}, "a c b d"}, // replaces c
		{[]string{"a: after: [\"d\"]"}, "b c d a"},  // replaces a
		{[]string{"x: after: [\"y\"]", "y: after: [\"c\"]"}, "a b c y x d"},
		{[]string{"x", "y: before: [\"x\"]"}, "y x a b c d"},
		{[]string{"x: replaces: [\"b\"]"}, "a x c d"},
		{[]string{"x: replaces: [\"d\", \"b\"]"}, "a x c"},
		{[]string{"x: replaces: [\"b\"], after: [\"d\"]"}, "a c d x"},
		{[]string{"x: replaces: [\"b\"]", "y: replaces: [\"x\"]"}, "a y c d"},
	} {
		c, err := others(t, "a", "b", "c", "d").Beside(others(t, tc.more...))
		if err != nil || tried(c) != tc.want {
			t.Errorf("%q: %s %v, want %s", tc.more, tried(c), err, tc.want)
		}
	}
}

// TestOrderLayers checks that a provider may name one of another catalog, in either order of the catalogs.
func TestOrderLayers(t *testing.T) {
	c, err := others(t, "a", "b").Beside(others(t, "x: after: [\"y\"]"), others(t, "y: after: [\"a\"]"))
	if err != nil || tried(c) != "a y x b" {
		t.Errorf("%s %v", tried(c), err)
	}
	if got := strings.Join(c.Names(), " "); got != "a y x b" || c.Replaced("a") != "" {
		t.Errorf("%s, a is replaced by %q", got, c.Replaced("a"))
	}
}

func TestOrderRefuses(t *testing.T) {
	for _, tc := range []struct {
		more []string
		want string
	}{
		{[]string{"x: before: [\"bb\"]"}, "provider x: there is no provider called \"bb\"\n  x/x/p.cue:5:10\n  did you mean \"b\"?"},
		{[]string{"x: replaces: [\"nope\"]"}, "provider x: there is no provider called \"nope\"\n  x/x/p.cue:5:12\n"},
		{[]string{"x: after: [\"c\"], before: [\"a\"]"}, "has a cycle: x → a → c → x\n  x/x/p.cue:5:24\n  x/x/p.cue:5:9\n"},
		{[]string{"x: after: [\"x\"]"}, "has a cycle: x → x\n  x/x/p.cue:5:9\n"},
		{[]string{"x: before: [\"y\"]", "y: before: [\"x\"]"}, "has a cycle: "},
		{[]string{"x: replaces: [\"x\"]"}, "replace each other: x and x\n  x/x/p.cue:5:12\n"},
		{[]string{"x: replaces: [\"y\"]", "y: replaces: [\"z\"]", "z: replaces: [\"x\"]"}, "replace each other: z and x\n  x/z/p.cue:5:12\n"},
		{[]string{"x: replaces: [\"a\"]", "y: replaces: [\"a\"]"}, "providers x and y both replace a\n  x/y/p.cue:5:12\n"},
	} {
		_, err := others(t, "a", "b", "c", "d").Beside(others(t, tc.more...))
		var b bytes.Buffer
		fault.Print(&b, err, false)
		if !strings.Contains(b.String(), tc.want) || fault.CodeOf(err) != fault.Refused {
			t.Errorf("%q: %s\nwant %s", tc.more, b.String(), tc.want)
		}
	}
	for text, want := range map[string]string{
		"before: \"a\"":                  "x/x/p.cue:5:1: before must be a literal list of provider names",
		"after: [\"a\" + _a]\n_a: \"b\"": "x/x/p.cue:5:9: after must be a literal list of provider names",
		"replaces: [1]":                  "x/x/p.cue:5:12: replaces must be a literal list of provider names",
	} {
		if _, err := Load(folders(map[string]string{"x/p.cue": provider("x") + text + "\n"}), "x"); err == nil || err.Error() != want {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestOrderOfOurs checks that the built-in providers keep the order of order.cue through the index.
func TestOrderOfOurs(t *testing.T) {
	if _, err := others(t, "a", "b: before: [\"a\"]").Index(); err == nil {
		t.Error("the index lost where b stands")
	}
}

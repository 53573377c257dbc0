package facts

import (
	"fmt"
	"regexp"
	"testing"
)

func TestNeedles(t *testing.T) {
	for expr, want := range map[string]string{
		`canvas`:                          `[canvas]`,
		`"lockfileVersion": ([12])`:       `["lockfileVersion": ]`,
		`(?m)a/canvas"|^\s*canvas[@/]|x+`: `[a/canvas" canvas x]`,
		`\b(?:node-gyp|gypsum)["@]`:       `[node-gyp gypsum]`,
		`\b(?:node-gyp|nan)["@]`:          `[ode-gyp an]`, // both start with the same letter
		`(?i)canvas`:                      `[]`,
		`a|b*`:                            `[]`,
		`(?:abc)?`:                        `[]`,
		`(?:abc){2}`:                      `[abc]`,
		`[`:                               `[]`,
		``:                                `[]`,
	} {
		if got := fmt.Sprintf("%s", needles(expr)); got != want {
			t.Errorf("%s: %s, want %s", expr, got, want)
		}
	}
}

// Every match of an expression contains one of its needles.
func FuzzNeedles(f *testing.F) {
	f.Add(`(?m)a/canvas"|^\s*canvas[@/]|x+`, "  canvas@1")
	f.Add(`(?i)ab|c{2,3}d?`, "xccy")
	f.Add(`(a|)b`, "b")
	f.Add(`\Qa.b\E+`, "a.bbb")
	f.Add(`日本|é`, "é")
	f.Fuzz(func(t *testing.T, expr, text string) {
		re, err := regexp.Compile(expr)
		if err == nil && re.MatchString(text) && !mayMatch(needles(expr), []byte(text)) {
			t.Errorf("%q matches %q, which holds none of %q", expr, text, needles(expr))
		}
	})
}

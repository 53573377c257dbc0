package plan2llb

import (
	"strings"
	"testing"
)

// starts are start commands and what the image runs for them.
var starts = map[string]string{
	"npm start":                        "exec npm start",
	"  ./out --port $PORT\n":           "exec ./out --port $PORT",
	"java $JAVA_OPTS -jar target/*jar": "exec java $JAVA_OPTS -jar target/*jar",
	`node -e "a; b" 'c && $(d)'`:       `exec node -e "a; b" 'c && $(d)'`,
	`"my program" x`:                   `exec "my program" x`,
	`echo it\'s a\;b`:                  `exec echo it\'s a\;b`,
	"serve -p ${PORT:-3000}":           "exec serve -p ${PORT:-3000}",
	"FOO=1 cmd":                        "FOO=1 exec cmd",
	`FOO="a b" BAR=$BAZ cmd x=1`:       `FOO="a b" BAR=$BAZ exec cmd x=1`,
	// as they are
	"a && b":                     "a && b",
	"a || b":                     "a || b",
	"cd x; y":                    "cd x; y",
	"cd x":                       "cd x",
	"exec x":                     "exec x",
	"FOO=1 exec x":               "FOO=1 exec x",
	"FOO=1":                      "FOO=1",
	"a | b":                      "a | b",
	"a &":                        "a &",
	"a > log":                    "a > log",
	"(a)":                        "(a)",
	"{ a; }":                     "{ a; }",
	"a\nb":                       "a\nb",
	"a $(b)":                     "a $(b)",
	`a "$(b)"`:                   `a "$(b)"`,
	"a `b`":                      "a `b`",
	"a \"`b`\"":                  "a \"`b`\"",
	"if true; then a; fi":        "if true; then a; fi",
	"[[ -z $PORT ]]":             "[[ -z $PORT ]]",
	"! a":                        "! a",
	"source x":                   "source x",
	". ./env":                    ". ./env",
	"export A=1":                 "export A=1",
	"a 'unclosed":                "a 'unclosed",
	"":                           "",
	"npm run x # it's a comment": "npm run x # it's a comment",
}

func TestWithExec(t *testing.T) {
	for cmd, want := range starts {
		if got := withExec(cmd); got != want {
			t.Errorf("%q became %q, want %q", cmd, got, want)
		}
	}
}

// Whatever the command is, exec is all that is ever added.
func FuzzWithExec(f *testing.F) {
	for _, s := range []string{"npm start", `A=1 "b c"`, `\`, "'", "\"", "a=[b]=c d", "$(", "a\\\n b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, cmd string) {
		got := withExec(cmd)
		if trimmed := strings.TrimSpace(cmd); got != trimmed && !strings.Contains(got, "exec ") || len(got) > len(trimmed)+len("exec ") {
			t.Errorf("%q became %q", cmd, got)
		}
	})
}

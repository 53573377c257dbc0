package app

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestGlob(t *testing.T) {
	a := open(t, map[string]string{
		"main.go": "", "a-b/x.go": "", "a/x.go": "", "a/z/y.go": "", "a.b/c.go": "", "cmd/api/main.go": "", "cmd/cmd/x": "",
		"web/package.json": "", "package.json": "", "web/node_modules/x/package.json": "", ".hidden/h.go": "",
		".git/hooks/x.go": "", "e/": "", "[x]/q.go": "", "ü.go": "", "web/link.go": "-> ../main.go", "web/dirlink": "-> ../cmd",
	})
	for _, c := range []struct {
		patterns string
		q        GlobOptions
		want     string
	}{
		// The order is that of a walk, not of the sorted paths: everything in "a" comes before "a-b".
		{"**/*.go", GlobOptions{}, ".hidden/h.go [x]/q.go a/x.go a/z/y.go a-b/x.go a.b/c.go cmd/api/main.go main.go web/link.go ü.go"},
		{"*.go", GlobOptions{Limit: 3}, ".hidden/h.go [x]/q.go a/x.go"},
		{"*.go", GlobOptions{Depth: 1}, "main.go ü.go"},
		{"?.go", GlobOptions{}, "ü.go"},
		{"./*.go", GlobOptions{Depth: 1, Limit: 1}, "main.go"},
		{"/**/x.go", GlobOptions{}, "a/x.go a-b/x.go"},
		{"a/**/*.go", GlobOptions{}, "a/x.go a/z/y.go"},
		{"a/*", GlobOptions{}, "a/x.go a/z/y.go"},
		{"a/**", GlobOptions{}, "a/x.go a/z/y.go"},
		{"{a,cmd/*}/x.go", GlobOptions{}, "a/x.go"},
		{"[ac]*/{x,main}.go", GlobOptions{}, "a/x.go a-b/x.go cmd/api/main.go"},
		{"[!a-c.m]*.go", GlobOptions{}, "[x]/q.go web/link.go ü.go"},
		{`\[x]/*.go`, GlobOptions{}, "[x]/q.go"},
		{"main.go", GlobOptions{}, "main.go"},
		{"a/x.go|main.go", GlobOptions{}, "a/x.go main.go"},
		{"**/package.json", GlobOptions{}, "package.json web/node_modules/x/package.json web/package.json"},
		{"**/package.json", GlobOptions{Not: []string{"node_modules"}}, "package.json web/package.json"},
		{"**/package.json", GlobOptions{Not: []string{"node_*", "we?/p*"}}, "package.json"},
		{"*.{js,ts}", GlobOptions{}, ""},
		{"", GlobOptions{}, ""},
		{"cmd/*", GlobOptions{Dirs: true, Depth: 2}, "cmd/api cmd/cmd"},
		{"*", GlobOptions{Dirs: true, Depth: 1}, ".hidden [x] a a-b a.b cmd e web"},
		{"web/*", GlobOptions{Dirs: true, Depth: 2}, "web/dirlink web/node_modules"},
	} {
		got, err := a.Glob(strings.Split(c.patterns, "|"), c.q)
		if err != nil || strings.Join(got, " ") != c.want {
			t.Errorf("%s %+v\n got %s %v\nwant %s", c.patterns, c.q, strings.Join(got, " "), err, c.want)
		}
	}
}

func TestGlobMalformed(t *testing.T) {
	a := open(t, map[string]string{"x": ""})
	for _, p := range []string{"a{b", "a}b", "[", "[a", "[]", "[z-a]", strings.Repeat("{a,b}", 9), strings.Repeat("a", 5000)} {
		if _, err := a.Glob([]string{p}, GlobOptions{}); err == nil {
			t.Errorf("%.20q is taken", p)
		}
	}
	if _, err := a.Glob([]string{"x"}, GlobOptions{Not: []string{"a/{"}}); err == nil {
		t.Error("a malformed pattern in Not is taken")
	}
}

// The expected answers come from the globset crate, which Nixpacks uses, with literal_separator off.
func TestPattern(t *testing.T) {
	for _, c := range []struct {
		pattern, yes, no string
	}{
		{"*", "a a/b .x", ""},
		{"a*b", "ab a/b axx/b", "ba abc"},
		{"a**b", "ab a/x/b", "a"},
		{"**", "a a/b", ""},
		{"**/a", "a b/a b/c/a", "ba a/b"},
		{"**/a*", "a ab b/ac a/b ba/ab", "ba"},
		{"a/**/b", "a/b a/x/b a/x/y/b", "ab a/xb"},
		{"a/**", "a/b a/b/c", "a"},
		{"**/**/a", "a x/a", "xa"},
		{"x**/a", "x/a xy/a x/y/a", "a"},
		{"[a-c]x", "ax cx", "dx"},
		{"[^a]x", "bx /x", "ax"},
		{"[]a]", "] a", "b"},
		{"[a-]", "a -", "b"},
		{"{a,b{c,d}}", "a bc bd", "b c"},
		{"{,a}b", "b ab", "a"},
		{`\*a`, "*a", "xa"},
		{"aa", "aa", "a aaa"},
		{"a.b", "a.b", "axb"},
		{"ab*ab", "abab abxab", "ab"},
	} {
		ps, err := compile(c.pattern)
		if err != nil {
			t.Fatal(c.pattern, err)
		}
		matches := func(path string) bool {
			for _, p := range ps {
				if p.match(path) {
					return true
				}
			}
			return false
		}
		for _, path := range strings.Fields(c.yes) {
			if !matches(path) {
				t.Errorf("%s does not match %s", c.pattern, path)
			}
		}
		for _, path := range strings.Fields(c.no) {
			if matches(path) {
				t.Errorf("%s matches %s", c.pattern, path)
			}
		}
	}
}

// Every form of a pattern matches the same paths as its regular expression.
func FuzzPattern(f *testing.F) {
	for _, s := range [][2]string{{"**/*.go", "a/b.go"}, {"ab*ab", "ab"}, {"*/x", "a/x"}, {`\**`, "*"}, {"[!a]/**", "b/c"}, {"*", ""},
		{"a[/]b", "a/b"}, {"**/a", "xa"}, {"a/**/b", "a/b"}, {`\`, `\`}, {"[--0]", "."}, {"aa", "aaa"}, {"**/*a/b*", "a/b"}, {"**/**/a", "a"}} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, glob, path string) {
		p, err := compileOne(glob)
		if err != nil || !utf8.ValidString(glob) {
			return
		}
		expr, err := translate(glob)
		if err != nil {
			t.Fatalf("%q compiles and has no expression: %v", glob, err)
		}
		if got, want := p.match(path), regexp.MustCompile(`(?s)\A(?:`+expr+`)\z`).MatchString(path); got != want {
			t.Errorf("%q %q: %v, by its expression %v", glob, path, got, want)
		}
	})
}

// TestGlobAhead checks that listing directories ahead of the walk gives the same results as listing them one by one, for
// any number of directories, and that ignored directories are not listed.
func TestGlobAhead(t *testing.T) {
	files, want := map[string]string{".gitignore": "skip*\n", "d007/.gitignore": "*.go\n!keep.go\n"}, []string{}
	const dirs = 3*maxAhead + 5
	for i := range dirs {
		d := fmt.Sprintf("d%03d", i)
		files[d+"/in/x.go"], files[d+"/a.txt"], files[d+"/keep.go"] = "", "", ""
		files["skip"+d+"/x.go"] = ""
		if i != 7 {
			want = append(want, d+"/in/x.go")
		}
		want = append(want, d+"/keep.go")
	}
	a := open(t, files)
	if got, err := a.Glob([]string{"**/*.go"}, GlobOptions{}); err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q %v", got, err)
	}
	// Two at the top, four below each of them, and the two .gitignore files. The contents of skip… are not visited.
	if a.seen != 6*dirs+2 {
		t.Errorf("%d entries were looked at", a.seen)
	}
	if len(a.listed) > 0 {
		t.Errorf("%d directories were listed in vain", len(a.listed))
	}
}

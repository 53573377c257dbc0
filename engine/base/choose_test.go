package base

import (
	"strings"
	"testing"
)

// setOf parses packages, one "name version; Field: value; …" per line.
func setOf(t *testing.T, text string) *packageSet {
	t.Helper()
	set := newPackageSet()
	for line := range strings.Lines(text) {
		words := strings.Split(strings.TrimSpace(line), "; ")
		name, v, _ := strings.Cut(words[0], " ")
		p := stanza{"package": name, "version": v, "size": "1", "sha256": strings.Repeat("0", 64), "filename": name + ".deb", "priority": "optional"}
		for _, w := range words[1:] {
			k, v, _ := strings.Cut(w, ": ")
			p[strings.ToLower(k)] = v
		}
		if err := set.add(p, "http://mirror"); err != nil {
			t.Fatal(err)
		}
	}
	set.index()
	return set
}

func names(pkgs []*pkg) string {
	var out []string
	for _, p := range pkgs {
		out = append(out, p.Name)
	}
	return strings.Join(out, " ")
}

func TestChoose(t *testing.T) {
	for _, c := range []struct{ name, archive, want, err string }{
		{"the first alternative", "a 1; Depends: b | c\nb 1\nc 1", "a b", ""},
		{"not one that is too old", "a 1; Depends: b (>= 2) | c\nb 1\nc 1", "a c", ""},
		{"rather one that is chosen", "a 1; Depends: c, d\nb 1\nc 1\nd 1; Depends: b | c", "a c d", ""},
		{"a virtual package, by priority", "a 1; Depends: v\nb 1; Provides: v\nc 1; Provides: v; Priority: important", "a c", ""},
		{"a virtual package, by name", "a 1; Depends: v\nc 1; Provides: v\nb 1; Provides: v", "a b", ""},
		{"a real package first", "a 1; Depends: v\nb 1; Provides: v; Priority: required\nv 1; Priority: extra", "a v", ""},
		{"a provided version", "a 1; Depends: v (>= 2)\nb 1; Provides: v\nc 1; Provides: v (= 2.1)", "a c", ""},
		{"any architecture", "a 1; Depends: b:any, c:amd64, d:native\nb 1\nc 1\nd 1", "a b c d", ""},
		{"another architecture", "a 1; Depends: b:arm64\nb 1", "", "it depends on b:arm64, which"},
		{"the newest version", "a 1\na 1.1; Depends: b\na 0.9; Depends: x\nb 1", "a b", ""},
		{"a circle", "a 1; Depends: b\nb 1; Depends: a", "a b", ""},
		{"nothing to be had", "a 1; Depends: b (<< 1) | x\nb 1", "", "it depends on b (<< 1) or x, which"},
		{"a conflict", "a 1; Depends: b\nb 2; Conflicts: a (<< 2)", "", "the Debian packages b 2 and a 1 conflict"},
		{"no conflict with itself", "a 1; Provides: m; Conflicts: m", "a", ""},
		{"a conflict with what is provided", "a 1; Provides: m; Depends: b\nb 1; Conflicts: m", "", "the Debian packages b 1 and a 1 conflict"},
		{"no conflict with an older one", "a 1; Depends: b\nb 2; Breaks: a (<< 1)", "a b", ""},
		{"an odd field", "a 1; Depends: b [x]", "", "the Debian package a has dependencies that cannot be read"},
	} {
		got, err := choose(setOf(t, c.archive), "amd64", []string{"a"})
		switch {
		case c.err == "" && err != nil, c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
			t.Errorf("%s: %v", c.name, err)
		case c.err == "" && names(got.sorted()) != c.want:
			t.Errorf("%s: %s, want %s", c.name, names(got.sorted()), c.want)
		}
	}
}

// Each batch is installed as a whole, and dpkg requires the pre-dependencies of all of its packages to be configured before.
func TestBatches(t *testing.T) {
	for _, c := range []struct{ archive, essential, want string }{
		{"a 1; Essential: yes; Depends: lib\nlib 1\nb 1; Pre-Depends: lib\nc 1; Depends: b", "a lib", "b c"},
		{"a 1; Essential: yes\nb 1; Pre-Depends: c\nc 1; Depends: d\nd 1; Pre-Depends: e\ne 1", "a", "e / c d / b"},
		{"a 1; Essential: yes\nb 1; Depends: c\nc 1; Pre-Depends: d\nd 1\nf 1", "a", "d f / b c"},
		{"a 1; Essential: yes\nb 1; Pre-Depends: c\nc 1; Pre-Depends: b", "a", "b c"},
		{"a 1; Essential: yes\nb 1; Pre-Depends: v\nc 1; Provides: v", "a", "c / b"},
	} {
		set := setOf(t, c.archive)
		var all []string
		for n := range set.byName {
			all = append(all, n)
		}
		got, err := choose(set, "amd64", all)
		if err != nil {
			t.Fatal(err)
		}
		essential := got.essential()
		var batches []string
		for _, b := range got.batches(essential) {
			batches = append(batches, names(b))
		}
		if names(essential) != c.essential || strings.Join(batches, " / ") != c.want {
			t.Errorf("%q: %s, then %q", c.archive, names(essential), batches)
		}
	}
}

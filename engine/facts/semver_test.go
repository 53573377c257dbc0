package facts

import (
	"strings"
	"testing"
)

// The expected answers come from node-semver: the versions VERSION.x.x for which intersects() with the range is true.
func TestSemver(t *testing.T) {
	const of = "22 21 20 18 16 14 12 6 4 2 1 0"
	for _, c := range []struct{ asked, want string }{
		// Examples from node-semver's documentation.
		{">=1.2.7", "22 21 20 18 16 14 12 6 4 2 1"},
		{">=1.2.7 <1.3.0", "1"},
		{"1.2.7 || >=1.2.9 <2.0.0", "1"},
		{"1.2.3 - 2.3.4", "2 1"},
		{"1.2 - 2.3.4", "2 1"},
		{"1.2.3 - 2.3", "2 1"},
		{"1.2.3 - 2", "2 1"},
		{"*", of},
		{"", of},
		{"1.x", "1"},
		{"1.2.x", "1"},
		{"~1.2.3", "1"},
		{"~1.2", "1"},
		{"~1", "1"},
		{"~0.2.3", "0"},
		{"^1.2.3", "1"},
		{"^0.2.3", "0"},
		{"^0.0.3", "0"},
		{"^1.2.3-beta.2", "1"},
		{"^0.0", "0"},
		{"^0.x", "0"},
		{"^1.x", "1"},
		// Ranges found in package.json files.
		{"20", "20"},
		{"v20.1.0", "20"},
		{"=20.1", "20"},
		{"20.X", "20"},
		{">=18 <21", "20 18"},
		{">= 18 < 21", "20 18"},
		{"^14 || ^16 || >=18", "22 21 20 18 16 14"},
		{"<=16", "16 14 12 6 4 2 1 0"},
		{"<16", "14 12 6 4 2 1 0"},
		{"<16.0.0", "14 12 6 4 2 1 0"},
		{"<16.0.1", "16 14 12 6 4 2 1 0"},
		{">16", "22 21 20 18"},
		{">16.5", "22 21 20 18 16"},
		{">20.99.99", "22 21 20"},
		{"~>20.1", "20"},
		{">=12 <12.1, >=12.0.5", "12"},
		{"24.x", ""},
		{">=23", ""},
		{">=16 <16", ""},
		{"17 >=18", ""},
		{"18 - 16", ""},
		{"<0.0.0", ""},
		{">*", ""},
		// Not ranges.
		{"lts/*", ""},
		{"latest", ""},
		{"node 20", ""},
		{">=", ""},
		{"20.1.2.3", ""},
		{"99999999999999999999", ""},
	} {
		a := choose(Question{Args: []string{c.asked}, Of: strings.Fields(of)})
		got := strings.Join(a.List, " ")
		first, _, _ := strings.Cut(c.want, " ")
		if got != c.want || a.Value != first || a.OK != (c.want != "") {
			t.Errorf("%q allows %q, ok %v, value %q; want %q", c.asked, got, a.OK, a.Value, c.want)
		}
	}
}

func TestSemverPrecision(t *testing.T) {
	for _, c := range []struct {
		asked string
		of    []string
		want  string
	}{
		{"~18.12.0", []string{"18.12", "18.11", "18.13"}, "18.12"},
		{">=18.12 <18.14", []string{"18.11", "18.14", "18.13", "18.12"}, "18.13 18.12"},
		{"18.12.1", []string{"18.12.0", "18.12.1"}, "18.12.1"},
		{">1.0.0-beta.2 <1.0.0", []string{"1.0.0-beta.11", "1.0.0-beta.1", "1.0.0-rc", "1.0.0"}, "1.0.0-beta.11 1.0.0-rc"},
		{">=1.0.0-1 <1.0.0-a", []string{"1.0.0-0", "1.0.0-2", "1.0.0-b", "1.0.0-1.1"}, "1.0.0-2 1.0.0-1.1"},
	} {
		a := choose(Question{Args: []string{c.asked}, Of: c.of})
		if got := strings.Join(a.List, " "); got != c.want {
			t.Errorf("%q allows %q of %q, want %q", c.asked, got, c.of, c.want)
		}
	}
}

func FuzzSemver(f *testing.F) {
	for _, s := range []string{"^1.2.3-beta.2 || >=4 <5", "1 - 2", "~>x.1", "|| ||", ">=1.0.0+build", "=v=1", "*.*.*-a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, ok := parseRange(s)
		if ok && len(r) == 0 {
			t.Errorf("%q: a range without intervals", s)
		}
		// Versions in the intersection of two ranges, or in either of them, are also in the intersection with their union.
		if either, more := parseRange(s + " || 3"); ok && (!more || !overlap(either, r) && overlap(r, r)) {
			t.Errorf("%q: an alternative more allows less", s)
		}
	})
}

// The expected answers come from Gem::Requirement, called for each version.
func TestGemRanges(t *testing.T) {
	const of = "4.0.5 3.4.9 3.3.11 3.3.8 3.2.11 2.7.8 1.14.1 0.9.0"
	for _, c := range []struct{ asked, want string }{
		{"3.3.8", "3.3.8"},
		{"= 3.3.8", "3.3.8"},
		{"3.3", ""},
		{"~> 3.3.8", "3.3.11 3.3.8"},
		{"~> 3.3", "3.4.9 3.3.11 3.3.8"},
		{"~> 3", "3.4.9 3.3.11 3.3.8 3.2.11"},
		{"~> 0.8", "0.9.0"},
		{">= 3.3", "4.0.5 3.4.9 3.3.11 3.3.8"},
		{"> 3.3", "4.0.5 3.4.9 3.3.11 3.3.8"},
		{"<= 3.3", "3.2.11 2.7.8 1.14.1 0.9.0"},
		{">= 3.2, < 3.4", "3.3.11 3.3.8 3.2.11"},
		{">=3.2,<3.4", "3.3.11 3.3.8 3.2.11"},
		{">= 3.2, != 3.4.9", "4.0.5 3.4.9 3.3.11 3.3.8 3.2.11"}, // != is ignored
		{"~> 1.14 or ~> 2.7", "2.7.8 1.14.1"},
		{">= 1.14.0 and < 3.0.0", "2.7.8 1.14.1"},
		{"*", of},
		{"jruby", ""},
	} {
		got := choose(Question{Args: []string{c.asked}, Of: strings.Fields(of), Ranges: "gem"})
		if list := strings.Join(got.List, " "); list != c.want {
			t.Errorf("%q allows %q, want %q", c.asked, list, c.want)
		}
	}
}

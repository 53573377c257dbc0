package facts

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/nixpacks-cue/nixpacks/engine/lazy"
)

// choose answers semver: it lists the elements of `of` that intersect the range, which has the syntax of
// node-semver or RubyGems. The value is the first of them. A range that does not parse matches nothing.
func choose(q Question) Answer {
	out := Answer{Value: "", List: []string{}}
	parse := parseRange
	if q.Ranges == "gem" {
		parse = parseGemRange
	}
	want, ok := parse(q.Args[0])
	if !ok {
		return out
	}
	for _, of := range q.Of {
		have, ok := parseRange(of)
		if ok && overlap(want, have) {
			out.List = append(out.List, of)
		}
	}
	if len(out.List) > 0 {
		out.OK, out.Value = true, out.List[0]
	}
	return out
}

// version is major, minor, patch and a prerelease. pre is nil for the release itself, which is above its prereleases.
type version struct {
	n   [3]int
	pre []string
}

// least is a prerelease below every other prerelease of its release.
var least = []string{}

// interval contains the versions from lo (inclusive) to hi (exclusive). If to is false there is no upper bound.
type interval struct {
	lo, hi version
	to     bool
}

func overlap(a, b []interval) bool {
	for _, x := range a {
		for _, y := range b {
			if !x.and(y).empty() {
				return true
			}
		}
	}
	return false
}

func (x interval) and(y interval) interval {
	if compare(y.lo, x.lo) > 0 {
		x.lo = y.lo
	}
	if y.to && (!x.to || compare(y.hi, x.hi) < 0) {
		x.hi, x.to = y.hi, true
	}
	return x
}

func (x interval) empty() bool { return x.to && compare(x.lo, x.hi) >= 0 }

func compare(a, b version) int {
	for i := range a.n {
		if c := cmp.Compare(a.n[i], b.n[i]); c != 0 {
			return c
		}
	}
	switch {
	case a.pre == nil && b.pre == nil:
		return 0
	case a.pre == nil:
		return 1
	case b.pre == nil:
		return -1
	}
	for i := range min(len(a.pre), len(b.pre)) {
		if c := compareIdent(a.pre[i], b.pre[i]); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(a.pre), len(b.pre))
}

// compareIdent compares prerelease identifiers: numbers by value and below words, words as text.
func compareIdent(a, b string) int {
	x, errA := strconv.Atoi(a)
	y, errB := strconv.Atoi(b)
	switch {
	case errA == nil && errB == nil:
		return cmp.Compare(x, y)
	case errA == nil:
		return -1
	case errB == nil:
		return 1
	}
	return cmp.Compare(a, b)
}

var (
	hyphen     = lazy.Regexp(`^\s*(\S+)\s+-\s+(\S+)\s*$`)
	spaced     = lazy.Regexp(`([<>=~^])\s+`)
	comparator = lazy.Regexp(`^(<=|>=|<|>|=|\^|~>?)?[v=]*(\d{1,9}|[xX*])?(?:\.(\d{1,9}|[xX*]))?(?:\.(\d{1,9}|[xX*]))?(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?$`)
)

// parseRange parses a range such as "a b || c - d" to a list of intervals. A version satisfies the range if one contains it.
func parseRange(s string) ([]interval, bool) {
	var out []interval
	for alt := range strings.SplitSeq(s, "||") {
		x := interval{lo: version{pre: least}}
		if m := hyphen().FindStringSubmatch(alt); m != nil {
			alt = ">=" + m[1] + " <=" + m[2]
		}
		for f := range strings.FieldsSeq(strings.ReplaceAll(spaced().ReplaceAllString(alt, "$1"), ",", " ")) {
			y, ok := parseComparator(f)
			if !ok {
				return nil, false
			}
			x = x.and(y)
		}
		out = append(out, x)
	}
	return out, true
}

// partial is a version whose trailing parts may be missing. known is the number of parts that are present.
type partial struct {
	version
	known int
}

func parseComparator(s string) (interval, bool) {
	m := comparator().FindStringSubmatch(s)
	if m == nil || m[2] == "" {
		return interval{}, false
	}
	var p partial
	for i, part := range m[2:5] {
		n, err := strconv.Atoi(part)
		if err != nil {
			break
		}
		p.n[i], p.known = n, i+1
	}
	if m[5] != "" && p.known == 3 {
		p.pre = strings.Split(m[5], ".")
	}
	return p.interval(m[1]), true
}

func (p partial) interval(op string) interval {
	all := interval{lo: version{pre: least}}
	if p.known == 0 {
		if op == "<" || op == ">" {
			return interval{hi: version{pre: least}, to: true, lo: version{pre: least}}
		}
		return all
	}
	switch op {
	case ">=":
		return interval{lo: p.version}
	case ">":
		return interval{lo: p.after()}
	case "<":
		return interval{lo: all.lo, hi: p.below(), to: true}
	case "<=":
		return interval{lo: all.lo, hi: p.after(), to: true}
	case "^":
		return interval{lo: p.version, hi: p.bump(p.caret()), to: true}
	case "~", "~>":
		return interval{lo: p.version, hi: p.bump(min(p.known, 2) - 1), to: true}
	}
	return interval{lo: p.version, hi: p.after(), to: true}
}

// caret returns the index of the leftmost nonzero number, or of the last known one if all are 0.
func (p partial) caret() int {
	for i := range p.known {
		if p.n[i] != 0 {
			return i
		}
	}
	return p.known - 1
}

// bump returns the exclusive upper bound of the versions equal to p up to index i (inclusive). Prereleases of the bound are out.
func (p partial) bump(i int) version {
	v := version{pre: least}
	copy(v.n[:], p.n[:i])
	v.n[i] = p.n[i] + 1
	return v
}

// below returns the exclusive bound for "<": "<20" excludes prereleases of 20.0.0, "<20.0.0" includes them.
func (p partial) below() version {
	if p.known < 3 {
		return version{n: p.n, pre: least}
	}
	return p.version
}

// after returns the first version above all versions that p stands for.
func (p partial) after() version {
	switch {
	case p.known < 3:
		return p.bump(p.known - 1)
	case p.pre != nil:
		return version{n: p.n, pre: append(p.pre[:len(p.pre):len(p.pre)], "0")}
	}
	return version{n: [3]int{p.n[0], p.n[1], p.n[2] + 1}, pre: least}
}

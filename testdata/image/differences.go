package imagetest

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Unexplained is the name of differences that no reason permits.
const Unexplained = "UNEXPLAINED"

// Reason is why two images may differ in some facts. docs/differences.md has a line for each, by name.
type Reason struct {
	Name     string
	Cases    string // pattern of the cases that it is for; "" for all
	Fact     string // pattern of the names of facts
	Nixpacks string // pattern of the fact in Nixpacks' image, which is "" where there is none; "" is any
	Ours     string // the same, in ours
	// List says that the fact is a list of directories to search, and that ours has all of theirs, in their order.
	List bool
}

// fits tells whether the reason is one for this difference.
func (r Reason) fits(c *Case, name, theirs, ours string) bool {
	match := func(pattern, s string) bool {
		return pattern == "" || regexp.MustCompile(`(?s)^(?:`+pattern+`)$`).MatchString(s)
	}
	return match(r.Cases, c.Name) && match(r.Fact, name) && match(r.Nixpacks, theirs) && match(r.Ours, ours) &&
		(!r.List || holds(directories(ours), directories(theirs)))
}

// directories are those of a search path, each once.
func directories(path string) []string {
	var out []string
	for d := range strings.SplitSeq(path, ":") {
		if d != "" && !slices.Contains(out, d) {
			out = append(out, d)
		}
	}
	return out
}

// holds tells whether all of part are in list, in the same order.
func holds(list, part []string) bool {
	for _, p := range part {
		i := slices.Index(list, p)
		if i < 0 {
			return false
		}
		list = list[i+1:]
	}
	return true
}

// Compare gives the facts that are not the same in Nixpacks' image and in ours, grouped by the reasons that permit
// them: a line with the name, then the lines that one of the images has, with - for Nixpacks' and + for ours.
func (c *Case) Compare(ours Facts, reasons []Reason) string {
	f, all := c.Facts, Facts{}
	maps.Copy(all, f)
	maps.Copy(all, ours)
	groups := map[string][]string{}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		_, in := f[name]
		_, also := ours[name]
		if in && also && f[name] == ours[name] {
			continue
		}
		why := Unexplained
		if i := slices.IndexFunc(reasons, func(r Reason) bool { return r.fits(c, name, f[name], ours[name]) }); i >= 0 {
			why = reasons[i].Name
		}
		if in {
			groups[why] = append(groups[why], "- "+f.line(name))
		}
		if also {
			groups[why] = append(groups[why], "+ "+ours.line(name))
		}
	}
	var b strings.Builder
	for _, why := range slices.Sorted(maps.Keys(groups)) {
		fmt.Fprintf(&b, "%s\n%s\n", why, strings.Join(groups[why], "\n"))
	}
	return b.String()
}

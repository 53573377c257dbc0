package ignore

import (
	"path"
	"slices"
	"strings"

	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// Below rewrites patterns for the files in dir as patterns for the folder above it. If dir is ".", both are the same.
func Below(dir string, patterns []string) []string {
	if dir == "." {
		return patterns
	}
	out := make([]string, len(patterns))
	for i, p := range patterns {
		bare, keep := strings.CutPrefix(p, "!")
		if out[i] = path.Join(Exactly(dir), bare); keep {
			out[i] = "!" + out[i]
		}
	}
	return out
}

// moved rewrites the lines of a file in a folder of the repository as lines of one in the location's root.
func moved(lines []Rule, dir string, at *plan.Location) []Rule {
	switch {
	case at == nil || dir == at.Root:
		return lines
	case dir != ".": // the folder lies below the root
		for i := range lines {
			lines[i].Pattern, lines[i].matcher = path.Join(Exactly(at.InRoot()), lines[i].Pattern), nil
		}
		return lines
	}
	var out []Rule
	for _, line := range lines {
		for _, p := range within(strings.Split(line.Pattern, "/"), strings.Split(at.Root, "/")) {
			line.Pattern, line.matcher = p, nil
			out = append(out, line)
		}
	}
	return out
}

// within returns the patterns that match in the folder dir what pattern matches above it: the possible rests of pattern
// after each part of dir. There are never more of them than pattern has parts.
func within(pattern, dir []string) []string {
	left := []int{0} // where the rests begin
	for _, name := range dir {
		var next []int
		for _, i := range left {
			for ; i < len(pattern) && pattern[i] == "**"; i++ {
				next = append(next, i)
			}
			if i == len(pattern) { // it matches a folder above dir
				next = append(next, i)
			} else if ok, err := path.Match(pattern[i], name); ok && err == nil {
				next = append(next, i+1)
			}
		}
		slices.Sort(next)
		left = slices.Compact(next)
	}
	var out []string
	for _, i := range left {
		p := strings.Join(pattern[i:], "/")
		if i == len(pattern) {
			p = "**"
		}
		if !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out
}

// located returns the rules that exclude workspace members that the app does not need. Members may lie in others'
// folders.
func located(at *plan.Location) []Rule {
	if at == nil {
		return nil
	}
	var out []Rule
	all := slices.Concat(at.With, at.Without, []string{at.InRoot()})
	slices.Sort(all) // a folder comes before those in it
	for _, dir := range all {
		if dir == "" {
			continue
		}
		r := Rule{Pattern: Exactly(dir), Why: "a member of the workspace that the app does not need", Quiet: true}
		if slices.Contains(at.Without, dir) {
			out = append(out, r)
			for _, file := range at.Keep {
				r.Pattern, r.Keep = Exactly(path.Join(dir, file)), true
				out = append(out, r)
			}
		} else if slices.ContainsFunc(at.Without, func(o string) bool { return strings.HasPrefix(dir, o+"/") }) {
			r.Keep, r.Why = true, "a member of the workspace that the app needs"
			out = append(out, r.withBelow()...)
		}
	}
	return out
}

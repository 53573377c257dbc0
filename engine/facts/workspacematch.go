package facts

import (
	"path"
	"strings"
)

// matchDir tells whether a pattern, in which * stays within one part of a path and ** is any number of parts, matches a folder.
func matchDir(pattern, dir string) bool {
	return matchParts(strings.Split(pattern, "/"), strings.Split(dir, "/"))
}

// matchParts goes back to the last ** alone where a part does not match: what an earlier one takes less, the last can take, so
// that a pattern with many of them takes no longer.
func matchParts(pattern, parts []string) bool {
	wild, taken := -1, 0 // the last **, and up to where it takes parts
	i, j := 0, 0
	for j < len(parts) {
		switch {
		case i < len(pattern) && pattern[i] == "**":
			wild, taken = i, j
			i++
		case i < len(pattern) && matchPart(pattern[i], parts[j]):
			i++
			j++
		case wild >= 0:
			taken++
			i, j = wild+1, taken
		default:
			return false
		}
	}
	for i < len(pattern) && pattern[i] == "**" {
		i++
	}
	return i == len(pattern)
}

func matchPart(pattern, part string) bool {
	ok, err := path.Match(pattern, part)
	return ok && err == nil
}

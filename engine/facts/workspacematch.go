package facts

import (
	"path"
	"strings"
)

// matchDir reports whether a pattern matches a folder. * stays within one path element, ** is any number of elements.
func matchDir(pattern, dir string) bool {
	return matchParts(strings.Split(pattern, "/"), strings.Split(dir, "/"))
}

// matchParts backtracks only to the last ** on a mismatch. Whatever an earlier ** gives up, the last one can match instead,
// so patterns with many ** do not take longer.
func matchParts(pattern, parts []string) bool {
	wild, taken := -1, 0 // index of the last **, and the end of the parts that it matches
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

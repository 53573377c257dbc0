package fault

import (
	"slices"
	"strings"
)

// Suggest returns the entry of names closest to got, or "" if none is close: at most two edits away, or one edit if got
// has up to four letters.
func Suggest(got string, names []string) string {
	best, at := "", 3
	if len(got) <= 4 {
		at = 2
	}
	for _, n := range slices.Sorted(slices.Values(names)) {
		if diff := len(got) - len(n); diff >= at || -diff >= at { // also avoids computing the distance of huge names
			continue
		}
		if d := distance(strings.ToLower(got), strings.ToLower(n)); d < at {
			best, at = n, d
		}
	}
	return best
}

// DidYouMean returns the hint for a name that is not in names.
func DidYouMean(got string, names []string) string {
	if s := Suggest(got, names); s != "" {
		return `did you mean "` + s + `"?`
	}
	return "known: " + strings.Join(slices.Sorted(slices.Values(names)), ", ")
}

// distance returns the edit distance from a to b (insert, delete, replace, swap neighbours).
func distance(a, b string) int {
	prev2, prev := []int{}, make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur := make([]int, len(b)+1)
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], prev2[j-2]+1)
			}
		}
		prev2, prev = prev, cur
	}
	return prev[len(b)]
}

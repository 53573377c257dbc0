package plan2llb

import (
	"path"
	"strings"
)

// patterns are globs of the app's files as BuildKit takes them: braces expanded, no leading slash. Where nothing
// else has a wildcard, BuildKit finds no file for a/*/**: it takes both ends off and looks no deeper than a. The same
// pattern written a/?*/** is left alone.
func patterns(globs []string) []string {
	var out []string
	for _, g := range globs {
		out = append(out, expandBraces(g)...)
	}
	out = relative(out)
	for i, p := range out {
		if front, ok := strings.CutSuffix(p, "/*/**"); ok {
			out[i] = front + "/?*/**"
		}
	}
	return out
}

// relative are paths of the app without what only decorates them: a leading slash, "./", a trailing slash.
func relative(paths []string) []string {
	var out []string
	for _, p := range paths {
		out = append(out, strings.TrimPrefix(path.Join("/", p), "/"))
	}
	return out
}

// expandBraces turns a{b,c} into ab and ac; braces may be nested. A brace without its partner is itself.
func expandBraces(glob string) []string {
	open := strings.IndexByte(glob, '{')
	if open < 0 {
		return []string{glob}
	}
	var out []string
	depth, from := 0, open+1
	for i := open; i < len(glob); i++ {
		switch c := glob[i]; {
		case c == '{':
			depth++
		case c == ',' && depth == 1:
			out = append(out, glob[from:i])
			from = i + 1
		case c == '}':
			if depth--; depth > 0 {
				continue
			}
			var all []string
			for _, alt := range append(out, glob[from:i]) {
				all = append(all, expandBraces(glob[:open]+alt+glob[i+1:])...)
			}
			return all
		}
	}
	return []string{glob}
}

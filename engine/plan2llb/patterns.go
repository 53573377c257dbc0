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
		alternatives, ok := expandBraces(g)
		if !ok {
			alternatives = []string{g} // check refuses it
		}
		out = append(out, alternatives...)
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

// The limits of one pattern, as for those that look into the app: each brace doubles, or more, what it stands for.
const (
	maxPattern      = 4096 // bytes
	maxAlternatives = 256
)

// expandBraces turns a{b,c} into ab and ac; braces may be nested. A brace without its partner is itself. ok is false where the
// pattern exceeds the limits.
func expandBraces(glob string) (out []string, ok bool) {
	if len(glob) > maxPattern {
		return nil, false
	}
	open := strings.IndexByte(glob, '{')
	if open < 0 {
		return []string{glob}, true
	}
	depth, from := 0, open+1
	for i := open; i < len(glob); i++ {
		switch c := glob[i]; {
		case c == '{':
			depth++
		case c == ',' && depth == 1:
			out = append(out, glob[from:i])
			from = i + 1
		case c == '}':
			if depth--; depth == 0 {
				return expandEach(glob[:open], append(out, glob[from:i]), glob[i+1:])
			}
		}
	}
	return []string{glob}, true
}

// expandEach expands what a pattern becomes with each alternative of its first brace.
func expandEach(before string, alternatives []string, after string) (out []string, ok bool) {
	for _, a := range alternatives {
		more, ok := expandBraces(before + a + after)
		if out = append(out, more...); !ok || len(out) > maxAlternatives {
			return nil, false
		}
	}
	return out, true
}

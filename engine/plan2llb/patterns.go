package plan2llb

import (
	"path"
	"strings"
)

// patterns converts globs of the app's files for BuildKit: braces expanded, no leading slash. It rewrites a/*/** to
// a/?*/**. If no other pattern has a wildcard, BuildKit finds no file for a/*/**: it trims both wildcards and looks no
// deeper than a.
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

// relative normalizes paths of the app: no leading slash, "./" or trailing slash.
func relative(paths []string) []string {
	var out []string
	for _, p := range paths {
		out = append(out, strings.TrimPrefix(path.Join("/", p), "/"))
	}
	return out
}

// Limits of one pattern, equal to those of the code that reads the app: each brace multiplies the alternatives.
const (
	maxPattern      = 4096 // bytes
	maxAlternatives = 256
)

// expandBraces turns a{b,c} into ab and ac; braces may nest. An unmatched brace stands for itself. ok is false if the
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

// expandEach expands the pattern for each alternative of its first brace.
func expandEach(before string, alternatives []string, after string) (out []string, ok bool) {
	for _, a := range alternatives {
		more, ok := expandBraces(before + a + after)
		if out = append(out, more...); !ok || len(out) > maxAlternatives {
			return nil, false
		}
	}
	return out, true
}

package app

import (
	"path"
	"strings"
)

// rules are the lines of one .gitignore, for the directory base that it lies in. No library is used: go-git's, for
// one, reads "[!x]" and a final "/**" otherwise than git does, with which a test compares.
type rules struct {
	base  string // "" at the top, else with a final separator
	lines []rule
}

// rule is one line, split where it names more than a last element.
type rule struct {
	keep     bool // a line with "!"
	dirOnly  bool
	anchored bool // matched against the path from base, not against the last element alone
	segments []string
}

// parseRules reads a .gitignore by the rules of gitignore(5). A malformed pattern matches nothing.
func parseRules(base, text string) *rules {
	rs := &rules{base: base}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if r, ok := parseRule(line); ok {
			rs.lines = append(rs.lines, r)
		}
	}
	return rs
}

func parseRule(line string) (r rule, ok bool) {
	for strings.HasSuffix(line, " ") && !strings.HasSuffix(line, `\ `) {
		line = line[:len(line)-1]
	}
	if line == "" || line[0] == '#' {
		return r, false
	}
	if line[0] == '!' {
		r.keep, line = true, line[1:]
	}
	if strings.HasSuffix(line, "/") {
		r.dirOnly, line = true, strings.TrimRight(line, "/")
	}
	r.anchored = strings.Contains(line, "/")
	r.segments = strings.Split(strings.TrimLeft(line, "/"), "/")
	for i, s := range r.segments {
		r.segments[i] = strings.ReplaceAll(s, "[!", "[^")
	}
	return r, r.segments[0] != ""
}

// ignored tells what the lines say about a path below base: whether one of them speaks of it, and
// whether it is left out. The last line that matches decides.
func (rs *rules) ignored(name string, dir bool) (found, ignored bool) {
	rel := name[len(rs.base):]
	last := path.Base(rel)
	for i := len(rs.lines) - 1; i >= 0; i-- {
		r := &rs.lines[i]
		if r.dirOnly && !dir {
			continue
		}
		if r.anchored && matchPath(r.segments, rel) || !r.anchored && matchName(r.segments[0], last) {
			return true, !r.keep
		}
	}
	return false, false
}

// matchPath matches whole elements; "**" is any number of them, at the end at least one. Where an element
// does not match, only the last "**" can give way: going back further could not help, and this way the
// cost cannot explode.
func matchPath(segments []string, rel string) bool {
	star, from := -1, "" // the last "**", and the path from the element after what it stands for
	i := 0
	for {
		if i < len(segments) && segments[i] == "**" {
			if i == len(segments)-1 {
				return rel != ""
			}
			star, from = i, rel
			i++
			continue
		}
		if i == len(segments) && rel == "" {
			return true
		}
		first, rest, _ := strings.Cut(rel, "/")
		if rel != "" && i < len(segments) && matchName(segments[i], first) {
			i, rel = i+1, rest
			continue
		}
		if star < 0 || from == "" {
			return false
		}
		_, from, _ = strings.Cut(from, "/")
		i, rel = star+1, from
	}
}

// matchName matches one element. Most lines are a plain name or *.suffix: those cost no pattern.
func matchName(pattern, name string) bool {
	i := strings.IndexAny(pattern, `*?[\`)
	if i < 0 {
		return pattern == name
	}
	if i == 0 && pattern[0] == '*' && !strings.ContainsAny(pattern[1:], `*?[\`) {
		return strings.HasSuffix(name, pattern[1:])
	}
	ok, err := path.Match(pattern, name)
	return ok && err == nil
}

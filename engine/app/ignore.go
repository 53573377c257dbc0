package app

import (
	"io"
	"io/fs"
	"path"
	"strings"
)

// rules are the lines of the .gitignore in the directory base. No library is used: go-git's, for example, treats "[!x]" and
// a final "/**" differently from git. A test compares the results with git's.
type rules struct {
	base  string // "" at the top, otherwise with a trailing separator
	lines []rule
}

// rule is one line. segments has several elements only if the line contains a separator.
type rule struct {
	keep     bool // the line starts with "!"
	dirOnly  bool
	anchored bool // matched against the path relative to base, not only against the last element
	segments []element
}

// parseRules parses a .gitignore as gitignore(5) specifies. A malformed pattern matches nothing.
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
	line = strings.TrimLeft(line, "/")
	for s := range strings.SplitSeq(line, "/") {
		r.segments = append(r.segments, parseElement(strings.ReplaceAll(s, "[!", "[^")))
	}
	return r, line != ""
}

// ignored reports whether a line matches a path below base, and whether the path is ignored. The last
// matching line decides.
func (rs *rules) ignored(name string, dir bool) (found, ignored bool) {
	rel := name[len(rs.base):]
	last := path.Base(rel)
	for i := len(rs.lines) - 1; i >= 0; i-- {
		r := &rs.lines[i]
		if r.dirOnly && !dir {
			continue
		}
		if r.anchored && matchPath(r.segments, rel) || !r.anchored && r.segments[0].match(last) {
			return true, !r.keep
		}
	}
	return false, false
}

// GitIgnored reports whether the .gitignore files of an app exclude a path, either itself or one of its parent folders.
func GitIgnored(fsys fs.FS, name string, dir bool) bool {
	var all []*rules
	parts := strings.Split(name, "/")
	for i := range parts {
		base := strings.Join(parts[:i], "/")
		if f, err := fsys.Open(path.Join(base, ".gitignore")); err == nil {
			text, _ := io.ReadAll(io.LimitReader(f, MaxFile)) // an unreadable file has no rules
			f.Close()
			if base != "" {
				base += "/"
			}
			all = append(all, parseRules(base, string(text)))
		}
		last := i == len(parts)-1
		f := folder{rules: all}
		if f.ignores(&entry{path: strings.Join(parts[:i+1], "/"), dir: dir || !last}) {
			return true
		}
	}
	return false
}

// matchPath matches element by element. "**" matches any number of elements, at the end at least one. On a mismatch only the
// last "**" is extended: backtracking further cannot help, and this way the cost stays polynomial.
func matchPath(segments []element, rel string) bool {
	star, from := -1, "" // index of the last "**", and the path that follows the elements it matches
	i := 0
	for {
		if i < len(segments) && segments[i].text == "**" {
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
		if rel != "" && i < len(segments) && segments[i].match(first) {
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

// element is a pattern for one path element.
type element struct {
	text string // the name, its suffix, or the pattern, depending on form
	form form   // literal, tail or other
}

// parseElement classifies a pattern once. Most are a plain name or *.suffix and need no path.Match.
func parseElement(pattern string) element {
	const special = `*?[\`
	switch i := strings.IndexAny(pattern, special); {
	case i < 0:
		return element{pattern, literal}
	case i == 0 && pattern[0] == '*' && !strings.ContainsAny(pattern[1:], special):
		return element{pattern[1:], tail}
	}
	return element{pattern, other}
}

func (e *element) match(name string) bool {
	switch e.form {
	case literal:
		return name == e.text
	case tail:
		return strings.HasSuffix(name, e.text)
	}
	ok, err := path.Match(e.text, name)
	return ok && err == nil
}

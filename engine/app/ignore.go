package app

import (
	"io"
	"io/fs"
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
	segments []element
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
	line = strings.TrimLeft(line, "/")
	for s := range strings.SplitSeq(line, "/") {
		r.segments = append(r.segments, parseElement(strings.ReplaceAll(s, "[!", "[^")))
	}
	return r, line != ""
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
		if r.anchored && matchPath(r.segments, rel) || !r.anchored && r.segments[0].match(last) {
			return true, !r.keep
		}
	}
	return false, false
}

// GitIgnored tells whether the .gitignore files of an app leave out a path, itself or with a folder that it is in.
func GitIgnored(fsys fs.FS, name string, dir bool) bool {
	var all []*rules
	parts := strings.Split(name, "/")
	for i := range parts {
		base := strings.Join(parts[:i], "/")
		if f, err := fsys.Open(path.Join(base, ".gitignore")); err == nil {
			text, _ := io.ReadAll(io.LimitReader(f, MaxFile)) // what cannot be read says nothing
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

// matchPath matches whole elements; "**" is any number of them, at the end at least one. Where an element
// does not match, only the last "**" can give way: going back further could not help, and this way the
// cost cannot explode.
func matchPath(segments []element, rel string) bool {
	star, from := -1, "" // the last "**", and the path from the element after what it stands for
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

// element is a pattern of one element of a path.
type element struct {
	text string // what a name is or ends with, or the pattern itself
	form form   // literal, tail or other
}

// parseElement looks at a pattern once: most are a plain name or *.suffix, and those cost no pattern.
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

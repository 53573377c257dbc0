package app

import (
	"errors"
	"regexp"
	"strings"
	"unicode/utf8"
)

// A pattern is a glob over the paths of an app, with its braces already expanded. As in Nixpacks, * and ? also match
// the separator, so *.csproj matches such a file at any depth. **/ matches any number of directories, including none.
// Libraries support one of these or the other, not both.
type pattern struct {
	prefix string // prefix of every match, up to the last separator before the first wildcard
	suffix string // suffix of every match
	form   form
	re     *regexp.Regexp // only if form is other
}

// form tells how much of a pattern its prefix and suffix cover. Most patterns need no regular expression.
type form int

const (
	other   form = iota
	literal      // the path equals prefix
	tail         // the path ends with suffix
	last         // suffix is the whole path or follows a separator
)

func (p *pattern) match(path string) bool {
	if !strings.HasSuffix(path, p.suffix) || !strings.HasPrefix(path, p.prefix) {
		return false
	}
	switch p.form {
	case literal:
		return path == p.prefix
	case tail:
		return true
	case last:
		n := len(path) - len(p.suffix)
		return n == 0 || path[n-1] == '/'
	}
	return p.re.MatchString(path)
}

// in reports whether an entry of a directory may match.
func (p *pattern) in(f *folder) bool { return p.suffix == "" || f.ends&endOf(p.suffix) != 0 }

// under reports whether a match may be below the directory dir, including when dir is a parent of prefix.
func (p *pattern) under(dir string) bool {
	return dir == "." || strings.HasPrefix(dir+"/", p.prefix) || strings.HasPrefix(p.prefix, dir+"/")
}

const (
	wildcards       = `*?[`
	maxPattern      = 4096
	maxAlternatives = 256
)

// IsGlob reports whether s is a pattern rather than the path of one file.
func IsGlob(s string) bool { return strings.ContainsAny(s, wildcards+"{") }

// compile returns the patterns of a glob, one for each combination of its brace alternatives.
func compile(glob string) ([]*pattern, error) {
	glob = strings.TrimLeft(strings.TrimPrefix(glob, "./"), "/")
	switch {
	case len(glob) > maxPattern:
		return nil, errors.New("the pattern is too long")
	case !utf8.ValidString(glob):
		return nil, errors.New("the pattern is not UTF-8")
	}
	alts, err := braces(glob)
	if err != nil {
		return nil, err
	}
	out := make([]*pattern, len(alts))
	for i, s := range alts {
		if out[i], err = compileOne(s); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func compileOne(s string) (*pattern, error) {
	first, end := strings.IndexAny(s, wildcards+`\`), strings.LastIndexAny(s, wildcards+`\]`)
	if first < 0 {
		return &pattern{prefix: s, suffix: s, form: literal}, nil
	}
	p := &pattern{prefix: s[:strings.LastIndexByte(s[:first], '/')+1], suffix: s[end+1:]}
	if s[end] == '\\' {
		p.suffix = "" // the last special character is escaped: only re handles that
	}
	if strings.HasSuffix(s[:end+1], "**") {
		p.suffix = strings.TrimPrefix(p.suffix, "/") // **/ may match nothing
	}
	switch head := s[:end+1]; {
	case head == "*", head == "**/*":
		p.form = tail
		return p, nil
	case head == "**" && strings.HasPrefix(s, "**/"):
		p.form = last
		return p, nil
	}
	expr, err := translate(s)
	if err != nil {
		return nil, err
	}
	p.re, err = regexp.Compile(`(?s)\A(?:` + expr + `)\z`)
	return p, err
}

// translate returns the regular expression of a pattern without braces.
func translate(s string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); {
		rest := s[i:]
		start := i == 0 || s[i-1] == '/'
		switch {
		case start && strings.HasPrefix(rest, "**/"):
			b.WriteString("(?:.*/)?")
			i += 3
		case rest[0] == '*':
			b.WriteString(".*")
			i += len(rest) - len(strings.TrimLeft(rest, "*"))
		case rest[0] == '?':
			b.WriteString(".")
			i++
		case rest[0] == '[':
			n, err := class(&b, rest)
			if err != nil {
				return "", err
			}
			i += n
		case rest[0] == '\\' && len(rest) > 1:
			b.WriteString(regexp.QuoteMeta(rest[1:2]))
			i += 2
		default:
			n := 1 + strings.IndexAny(rest[1:]+`\`, wildcards+`\`)
			b.WriteString(regexp.QuoteMeta(rest[:n]))
			i += n
		}
	}
	return b.String(), nil
}

// class writes the character class at the start of s and returns its length in s.
func class(b *strings.Builder, s string) (int, error) {
	i := 1
	b.WriteByte('[')
	if i < len(s) && (s[i] == '!' || s[i] == '^') {
		b.WriteByte('^')
		i++
	}
	for first := true; i < len(s); first = false {
		switch c := s[i]; {
		case c == ']' && !first:
			b.WriteByte(']')
			return i + 1, nil
		case c == '-' && !first:
			b.WriteByte('-')
		case strings.IndexByte(`\[]^-&~`, c) >= 0:
			b.WriteString(`\` + string(c))
		default:
			b.WriteByte(c)
		}
		i++
	}
	return 0, errors.New("a [ in the pattern is not closed")
}

// Braces expands the braces of a pattern. A pattern with malformed braces is returned unchanged.
func Braces(pattern string) []string {
	all, err := braces(pattern)
	if err != nil {
		return []string{pattern}
	}
	return all
}

// braces expands the {a,b} of s, which may be nested.
func braces(s string) ([]string, error) {
	open := strings.IndexByte(s, '{')
	if open < 0 {
		if strings.IndexByte(s, '}') >= 0 {
			return nil, errors.New("a } in the pattern has no {")
		}
		return []string{s}, nil
	}
	var parts []string
	depth, from := 0, open+1
	for i := open; i < len(s); i++ {
		switch c := s[i]; {
		case c == '{':
			depth++
		case c == ',' && depth == 1:
			parts, from = append(parts, s[from:i]), i+1
		case c == '}' && depth == 1:
			return product(s[:open], append(parts, s[from:i]), s[i+1:])
		case c == '}':
			depth--
		}
	}
	return nil, errors.New("a { in the pattern is not closed")
}

func product(head string, parts []string, tail string) ([]string, error) {
	var out []string
	for _, p := range parts {
		more, err := braces(head + p + tail)
		if err != nil {
			return nil, err
		}
		if out = append(out, more...); len(out) > maxAlternatives {
			return nil, errors.New("the pattern has too many alternatives")
		}
	}
	return out, nil
}

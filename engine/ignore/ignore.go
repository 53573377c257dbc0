// Package ignore decides which files of an app enter its build context, and why. Rules have three sources: the lines of
// .dockerignore and .nixpacksignore, the plan (exclude, include, outputs of phases), and files that no build should have
// (plan.ContextDefaults). The last rule that matches a file, or a folder above it, decides. But a "!" line overrides the
// plan and the defaults only if it names what they exclude, not a folder around it: an ignore file that includes only
// "src" does not include a private key in src.
package ignore

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// Files are the ignore files. Later ones override earlier ones.
var Files = []string{".dockerignore", ".nixpacksignore"}

// maxFile is the maximum size of an ignore file in bytes, maxRules that of the number of patterns besides those of the
// location in a repository: each file is matched against each pattern.
const (
	maxFile  = 1 << 20
	maxRules = 5000
)

// Rule is a pattern in .dockerignore's syntax, with its effect on matching files.
type Rule struct {
	Pattern string    // without "!"
	Keep    bool      // matching files enter the build context: a line with "!"
	At      fault.Pos // where it is written; File is "" for the program's own rules
	Why     string    // what the files are, or where the rule comes from
	Quiet   bool      // not reported to the user

	matcher *patternmatcher.PatternMatcher
	alone   patternmatcher.MatchInfo // of a folder that does not match
}

// Rules are all rules about an app's files.
type Rules struct {
	defaults plan.Defaults
	place    []Rule // members of the workspace that the plan's location excludes
	lines    []Rule // of the ignore files
	fixed    []Rule // defaults by name, outputs of phases, and the plan's exclude
	found    []Rule // defaults that depend on a file's content or neighbors (Look)
	include  []Rule // of the plan
	order    []Rule // all of them; the last match decides
	judged   map[string]*verdict

	left     []left     // files that Look found excluded, to be reported
	settings []settings // files with values that look like secrets
}

// Read reads the ignore files of an app.
func Read(fsys fs.FS, d plan.Defaults) (*Rules, error) { return ReadAt(fsys, nil, d) }

// ReadAt reads the ignore files of a repository and of the app at a location in it. The rules apply to the files of the
// location's root.
func ReadAt(repository fs.FS, at *plan.Location, d plan.Defaults) (*Rules, error) {
	r := &Rules{defaults: d}
	for _, dir := range at.Dirs() {
		for _, name := range Files {
			lines, err := readFile(repository, path.Join(dir, name))
			if err != nil {
				return nil, err
			}
			r.lines = append(r.lines, moved(lines, dir, at)...)
		}
	}
	for _, c := range d.Context.Exclude {
		if c.Narrow() {
			continue
		}
		for _, p := range c.Files {
			r.fixed = append(r.fixed, Rule{Pattern: p, Why: c.Why, Quiet: c.Quiet})
		}
	}
	return r, r.settle()
}

// For returns the rules with those of a plan added. made returns the patterns of a phase's outputs: copies of them in
// the app's directory are useless.
func (r *Rules) For(p *plan.Plan, made func(*plan.Phase) []string) (*Rules, error) {
	out := *r
	out.place, out.fixed, out.include = located(p.App), slices.Clip(r.fixed), nil
	p = p.Rooted()
	for _, name := range slices.Sorted(maps.Keys(p.Phases)) {
		for _, line := range made(p.Phases[name]) {
			out.fixed = append(out.fixed, Rule{Pattern: line, Why: "phase " + name + " creates it", Quiet: true})
		}
	}
	for _, line := range p.Exclude {
		out.fixed = append(out.fixed, Rule{Pattern: clean(line), Why: "the plan's exclude", Quiet: true})
	}
	for _, line := range p.Include {
		out.include = append(out.include, Rule{Pattern: clean(line), Keep: true, Why: "the plan's include"}.withBelow()...)
	}
	return &out, out.settle()
}

func readFile(fsys fs.FS, name string) ([]Rule, error) {
	f, err := fsys.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var text []byte
	if err == nil {
		defer f.Close()
		text, err = io.ReadAll(io.LimitReader(f, maxFile+1))
	}
	if len(text) > maxFile { // lines beyond the limit could exclude files that would then be in the image
		return nil, fault.New(fault.Refused, "%s is larger than %d KB", name, maxFile>>10).WithPos(fault.Pos{File: name}).WithHint("list folders instead of their files")
	}
	if err != nil {
		return nil, fault.Wrap(fault.Refused, err, "%s cannot be read", name)
	}
	var out []Rule
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		if len(out) > maxRules {
			return nil, tooMany(len(out)).WithPos(fault.Pos{File: name, Line: n})
		}
		rule, ok, err := parse(line)
		rule.At = fault.Pos{File: name, Line: n}
		if err == nil && ok {
			err = rule.compile()
		}
		if err != nil {
			return nil, fault.New(fault.Refused, "invalid pattern in %s: %v", name, err).WithPos(rule.At).WithSource(text)
		}
		if ok {
			out = append(out, rule)
		}
	}
	return out, nil
}

// parse reads one line as BuildKit does. It returns false for a line without a pattern.
func parse(line string) (Rule, bool, error) {
	read, err := ignorefile.ReadAll(strings.NewReader(line))
	if err != nil || len(read) == 0 {
		return Rule{}, false, err
	}
	pattern, keep := strings.CutPrefix(read[0], "!")
	if pattern == "" {
		return Rule{}, false, errors.New(`"!" needs a pattern`)
	}
	return Rule{Pattern: pattern, Keep: keep}, true, nil
}

// clean normalizes a plan's pattern as BuildKit does with the lines of a file.
func clean(pattern string) string {
	return strings.TrimPrefix(path.Clean("/"+strings.TrimSpace(pattern)), "/")
}

func (r *Rule) compile() (err error) {
	if strings.HasPrefix(r.Pattern, "!") {
		return errors.New("it begins with \"!\"")
	}
	if r.matcher != nil {
		return nil
	}
	if r.matcher, err = patternmatcher.New([]string{r.Pattern}); err == nil {
		_, r.alone, err = r.matcher.MatchesUsingParentResults("\x00", patternmatcher.MatchInfo{})
	}
	return err
}

// settle compiles the rules and puts them in order.
func (r *Rules) settle() error {
	back := r.back()
	if n := len(r.lines) + len(r.fixed) + len(back) + len(r.found) + len(r.include); n > maxRules {
		return tooMany(n)
	}
	for _, rules := range [][]Rule{r.place, r.lines, r.fixed, back, r.found, r.include} {
		for i := range rules {
			if err := rules[i].compile(); err != nil {
				return fault.New(fault.Refused, "invalid file pattern %q: %v", rules[i].Pattern, err).
					WithHint("the exclude and include of a plan use the patterns of .dockerignore, without \"!\"")
			}
		}
	}
	r.order, r.judged = slices.Concat(r.place, r.lines, r.fixed, back, r.found, r.include), nil
	return nil
}

func tooMany(n int) *fault.Fault {
	return fault.New(fault.Refused, "%d or more patterns exclude files from the build context, but at most %d are allowed", n, maxRules).
		WithHint("list folders instead of their files")
}

// Patterns returns the rules as lines of a .dockerignore, in order.
func (r *Rules) Patterns() []string {
	var out []string
	for _, rule := range r.order {
		p := rule.Pattern
		if rule.Keep {
			p = "!" + p
		}
		out = append(out, p)
	}
	return out
}

// back returns the "!" lines that include by name what fixed rules exclude by name.
func (r *Rules) back() []Rule {
	var out []Rule
	for _, line := range r.lines {
		if line.Keep && slices.ContainsFunc(r.fixed, func(f Rule) bool { return line.names(f) }) && r.stands(line) {
			out = append(out, line.withBelow()...)
		}
	}
	return out
}

// withBelow returns a "!" rule for a folder and one for everything in it: the first alone has no effect if the folder is
// included anyway.
func (r Rule) withBelow() []Rule {
	below := r
	below.Pattern, below.matcher = r.Pattern+"/**", nil
	return []Rule{r, below}
}

// names reports whether a line names what the rule left excludes: a part of its path matches the last part of that rule.
func (r *Rule) names(left Rule) bool {
	last := lastName(left.Pattern)
	return last != "" && slices.ContainsFunc(strings.Split(r.Pattern, "/"), func(part string) bool {
		ok, err := path.Match(last, part)
		return !wild(part) && (part == last || ok && err == nil)
	})
}

// stands reports whether no later line reverses a "!" line, as far as its text alone tells.
func (r *Rules) stands(line Rule) bool {
	name := strings.TrimPrefix(line.Pattern, "**/")
	if strings.ContainsAny(name, `*?[\`) {
		return true
	}
	by := last(r.lines, name)
	return by != nil && by.Keep
}

// wild reports whether a part of a pattern matches any name.
func wild(part string) bool { return strings.Trim(part, "*?.") == "" }

// lastName returns the last part of a pattern that does not match any name.
func lastName(pattern string) string {
	parts := strings.Split(pattern, "/")
	for _, p := range slices.Backward(parts) {
		if !wild(p) {
			return p
		}
	}
	return ""
}

// Exactly returns the pattern that matches exactly one path. It escapes special characters.
func Exactly(name string) string {
	var b strings.Builder
	for i, c := range name {
		switch {
		case strings.ContainsRune(`*?[\`, c) || i == 0 && c == '!':
			b.WriteByte('\\')
		case strings.TrimSpace(string(c)) == "" && (i == 0 || i == len(name)-len(string(c))):
			c = '?' // patterns lose the spaces around them
		}
		b.WriteRune(c)
	}
	return b.String()
}

package ignore

import (
	"errors"
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/nixpacks-cue/nixpacks/engine/app"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// maxLook is how much of a file is inspected, in bytes: a bundle may have many certificates before its key.
const maxLook = 256 << 10

// left is an excluded file to be reported.
type left struct{ name, why string }

// watch is a pattern that Look searches for.
type watch struct {
	pattern Rule
	last    string // the last part of the pattern, a cheap test that rejects most names
	rule    *plan.ContextRule
	holds   *regexp.Regexp
}

// Look inspects the files that the rules include so far, and adds rules for those that the defaults exclude because of
// their content or their neighbors.
func (r *Rules) Look(fsys fs.FS) error {
	w := &walk{rules: r, fsys: fsys}
	if err := w.prepare(); err != nil {
		return err
	}
	if err := fs.WalkDir(fsys, ".", w.visit); err != nil {
		return fault.Wrap(fault.Usage, err, "the app's directory cannot be read")
	}
	return r.settle()
}

// Looked returns patterns for all files that Look reads, for callers that have to fetch these.
func (r *Rules) Looked() []string {
	var out []string
	for _, c := range r.defaults.Context.Exclude {
		for _, p := range c.Files {
			if c.Holds != "" {
				out = append(out, p)
			}
			for _, mark := range c.With {
				out = append(out, p+"/"+mark)
			}
		}
		if c.Ignored {
			out = append(out, "**/.gitignore")
		}
	}
	return append(out, r.defaults.Context.Settings.Files...)
}

// walk is one run of Look.
type walk struct {
	rules          *Rules
	fsys           fs.FS
	watched        []watch
	except         map[*plan.ContextRule][]Rule
	settings       []watch
	settingsExcept []Rule // exceptions from settings
}

func (w *walk) prepare() (err error) {
	d := &w.rules.defaults.Context
	w.except = map[*plan.ContextRule][]Rule{}
	for i := range d.Exclude {
		c := &d.Exclude[i]
		watches, err1 := watchFor(c.Files, c)
		except, err2 := rulesOf(c.Except)
		w.watched, w.except[c] = append(w.watched, watches...), except
		err = errors.Join(err, err1, err2)
	}
	var err1, err2 error
	w.settings, err1 = watchFor(d.Settings.Files, nil)
	w.settingsExcept, err2 = rulesOf(d.Settings.Except)
	if err = errors.Join(err, err1, err2); err != nil {
		return fault.Wrap(fault.Bug, err, "a built-in rule for the build context is invalid")
	}
	return nil
}

func rulesOf(patterns []string) ([]Rule, error) {
	out := make([]Rule, len(patterns))
	for i, p := range patterns {
		out[i] = Rule{Pattern: p}
		if err := out[i].compile(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func watchFor(patterns []string, c *plan.ContextRule) ([]watch, error) {
	rules, err := rulesOf(patterns)
	if err != nil {
		return nil, err
	}
	out := make([]watch, len(rules))
	for i, r := range rules {
		out[i] = watch{pattern: r, last: path.Base(r.Pattern), rule: c}
		if c != nil && c.Holds != "" {
			if out[i].holds, err = regexp.Compile(c.Holds); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// meets reports whether the pattern matches a path itself.
func (w *watch) meets(name string) bool {
	ok, err := path.Match(w.last, path.Base(name))
	return ok && err == nil && w.pattern.meets(name)
}

// visit is called for every file and folder. It skips what it cannot read: the build reports such files.
func (w *walk) visit(name string, d fs.DirEntry, err error) error {
	if err != nil || name == "." {
		if name == "." && errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	if !d.IsDir() && !d.Type().IsRegular() {
		return nil
	}
	var hit *watch
	for i := range w.watched {
		if w.watched[i].meets(name) {
			hit = &w.watched[i]
			break
		}
	}
	setting := !d.IsDir() && slices.ContainsFunc(w.settings, func(s watch) bool { return s.meets(name) })
	if !d.IsDir() && hit == nil && !setting {
		return nil
	}
	in, by := w.rules.Judge(name)
	switch {
	case !in:
		w.report(name, hit, by)
		if d.IsDir() && !w.rules.keepsBelow(name) {
			return fs.SkipDir
		}
	case hit != nil && hit.rule.Narrow() && !w.requested(name) && w.decides(name, d.IsDir(), hit):
		w.rules.found = append(w.rules.found, Rule{Pattern: Exactly(name), Why: hit.rule.Why, Quiet: hit.rule.Quiet})
		w.report(name, hit, &w.rules.found[len(w.rules.found)-1])
		if d.IsDir() {
			return fs.SkipDir
		}
	case setting:
		return w.readSettings(name)
	}
	return nil
}

// report records an excluded file to report, unless a line of the user excludes it.
func (w *walk) report(name string, hit *watch, by *Rule) {
	if hit != nil && by.At.File == "" && !by.Quiet {
		w.rules.left = append(w.rules.left, left{name, by.Why})
	}
}

// requested reports whether the user asks for this very file: the plan includes it, or the last line about it is a "!" line
// that names it.
func (w *walk) requested(name string) bool {
	by := w.rules.wanted(name)
	return by != nil && by.Keep && (by.At.File == "" || !wild(path.Base(by.Pattern)) && by.meets(name))
}

// decides checks the conditions of a rule for a file or folder.
func (w *walk) decides(name string, dir bool, hit *watch) bool {
	c := hit.rule
	if len(c.With) > 0 != dir || slices.ContainsFunc(w.except[c], func(e Rule) bool { return e.matches(name) }) {
		return false
	}
	if c.Ignored && !app.GitIgnored(w.fsys, name, dir) {
		return false
	}
	if dir {
		return slices.ContainsFunc(c.With, func(mark string) bool {
			_, err := fs.Stat(w.fsys, path.Join(name, mark))
			return err == nil
		})
	}
	return hit.holds == nil || hit.holds.Match(w.beginning(name))
}

// beginning returns the beginning of a file, or nothing if the file cannot be read.
func (w *walk) beginning(name string) []byte {
	f, err := w.fsys.Open(name)
	if err != nil {
		return nil
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() { // it may have been replaced since
		return nil
	}
	text, _ := io.ReadAll(io.LimitReader(f, maxLook))
	return text
}

// keepsBelow reports whether a "!" line may include something in an excluded folder.
func (r *Rules) keepsBelow(dir string) bool {
	return slices.ContainsFunc(r.order, func(rule Rule) bool {
		if !rule.Keep {
			return false
		}
		literal := rule.Pattern
		if i := strings.IndexAny(literal, `*?[\\`); i >= 0 {
			literal = literal[:i]
		}
		return strings.HasPrefix(literal, dir+"/") || literal != rule.Pattern && strings.HasPrefix(dir+"/", literal)
	})
}

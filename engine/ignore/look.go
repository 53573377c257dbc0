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

// maxLook is how much of a file is looked at, in bytes: a bundle may hold many certificates before its key.
const maxLook = 256 << 10

// left is what is left out, where somebody is to be told.
type left struct{ name, why string }

// watch is a name that Look looks for.
type watch struct {
	pattern Rule
	last    string // the last part of the pattern, to tell most names apart at little cost
	rule    *plan.ContextRule
	holds   *regexp.Regexp
}

// Look goes through the files that the rules let in so far, and adds rules for those that the program leaves out after a look
// at them: their contents, and what is beside them.
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

// Looked are patterns of all that Look reads, for one who has the files elsewhere and fetches only those.
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

// walk is one look at an app.
type walk struct {
	rules    *Rules
	fsys     fs.FS
	watched  []watch
	except   map[*plan.ContextRule][]Rule
	settings []watch
	spared   []Rule // of the settings
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
	w.spared, err2 = rulesOf(d.Settings.Except)
	if err = errors.Join(err, err1, err2); err != nil {
		return fault.Wrap(fault.Bug, err, "a rule about what stays out of builds is wrong")
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

// meets tells whether the pattern matches a path itself.
func (w *watch) meets(name string) bool {
	ok, err := path.Match(w.last, path.Base(name))
	return ok && err == nil && w.pattern.meets(name)
}

// visit is called for every file and folder. What cannot be read is no one's secret, and the build says what it cannot read.
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
		w.told(name, hit, by)
		if d.IsDir() && !w.rules.keepsBelow(name) {
			return fs.SkipDir
		}
	case hit != nil && hit.rule.Narrow() && !w.taken(name) && w.decides(name, d.IsDir(), hit):
		w.rules.found = append(w.rules.found, Rule{Pattern: Exactly(name), Why: hit.rule.Why, Quiet: hit.rule.Quiet})
		w.told(name, hit, &w.rules.found[len(w.rules.found)-1])
		if d.IsDir() {
			return fs.SkipDir
		}
	case setting:
		return w.readSettings(name)
	}
	return nil
}

// told notes what somebody is to be told of: not what a line of theirs leaves out.
func (w *walk) told(name string, hit *watch, by *Rule) {
	if hit != nil && by.At.File == "" && !by.Quiet {
		w.rules.left = append(w.rules.left, left{name, by.Why})
	}
}

// taken tells whether somebody wants this very file: the plan includes it, or the last line about it takes it back and is
// about its name.
func (w *walk) taken(name string) bool {
	by := w.rules.wanted(name)
	return by != nil && by.Keep && (by.At.File == "" || !wild(path.Base(by.Pattern)) && by.meets(name))
}

// decides looks whether a file or folder is what a rule means.
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

// beginning is the beginning of a file; nothing of one that cannot be read.
func (w *walk) beginning(name string) []byte {
	f, err := w.fsys.Open(name)
	if err != nil {
		return nil
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() { // it may be another file by now
		return nil
	}
	text, _ := io.ReadAll(io.LimitReader(f, maxLook))
	return text
}

// keepsBelow tells whether a line may take back something in a folder that is left out.
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

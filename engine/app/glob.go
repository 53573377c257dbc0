package app

import (
	"slices"
	"strings"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// MaxEntries limits the number of files and directories of an app, MaxDepth how deep they may be nested.
const (
	MaxEntries = 1 << 20
	MaxDepth   = 200
)

// GlobOptions are the options of Glob.
type GlobOptions struct {
	Dirs  bool     // directories instead of regular files
	Not   []string // names, or patterns with a separator; a match is excluded with everything below it
	Limit int      // maximum number of results; 0 is no limit
	Depth int      // maximum number of path elements; 0 is no limit
}

// Glob returns the regular files (and symlinks to them) whose path matches one of the patterns. The order is that of a
// walk: entries of a directory by name, each followed by its contents. Patterns may have braces, and * also matches
// separators. Files that .gitignore excludes are not seen, nor is .git. A malformed pattern is a fault (Refused).
func (a *App) Glob(patterns []string, q GlobOptions) ([]string, error) {
	w := walk{app: a, q: q}
	for _, g := range patterns {
		ps, err := compile(g)
		if err != nil {
			return nil, fault.New(fault.Refused, "pattern %q: %v", g, err)
		}
		w.want = append(w.want, ps...)
	}
	if err := w.exclude(q.Not); err != nil {
		return nil, err
	}
	top := a.src.top()
	defer top.close()
	_, err := w.dir(".", top, 1)
	return w.out, err
}

type walk struct {
	app   *App
	q     GlobOptions
	want  []*pattern
	names []element  // elements of Not without a separator
	not   []*pattern // elements of Not with a separator
	out   []string
}

func (w *walk) exclude(not []string) error {
	for _, n := range not {
		if !strings.Contains(n, "/") {
			w.names = append(w.names, parseElement(n))
			continue
		}
		ps, err := compile(n)
		if err != nil {
			return fault.New(fault.Refused, "pattern %q: %v", n, err)
		}
		w.not = append(w.not, ps...)
	}
	return nil
}

// dir walks one directory. It returns false once the limit is reached.
func (w *walk) dir(name string, h lister, depth int) (bool, error) {
	f, err := w.app.folder(name, h)
	if err != nil {
		return false, err
	}
	if depth > MaxDepth {
		return false, fault.New(fault.Refused, "%.60s… is nested more than %d folders deep", name, MaxDepth).
			WithHint("list folders that do not belong to the app in .gitignore")
	}
	some := slices.ContainsFunc(w.want, func(p *pattern) bool { return p.in(f) })
	if some || f.dirs {
		f.sort()
	}
	next := 0 // the first entry that was not listed ahead
	for i := range f.entries {
		e := &f.entries[i]
		if !some && !e.dir {
			continue
		}
		if !w.excluded(e) && w.wanted(e) {
			if w.out = append(w.out, e.path); w.q.Limit > 0 && len(w.out) == w.q.Limit {
				return false, nil
			}
		}
		if w.q.Depth == depth || !w.enters(e) {
			continue
		}
		if i >= next {
			next = i + w.app.ahead(h, f.entries[i:], w.enters)
		}
		below := h.below(e.name())
		more, err := w.dir(e.path, below, depth+1)
		below.close()
		if err != nil || !more {
			return false, err
		}
	}
	return true, nil
}

// enters reports whether the walk must descend into an entry: it is a directory that may contain a match.
func (w *walk) enters(e *entry) bool {
	return e.dir && !e.link && !w.excluded(e) && slices.ContainsFunc(w.want, func(p *pattern) bool { return p.under(e.path) })
}

func (w *walk) excluded(e *entry) bool {
	return slices.ContainsFunc(w.names, func(n element) bool { return n.match(e.name()) }) ||
		slices.ContainsFunc(w.not, func(p *pattern) bool { return p.match(e.path) })
}

func (w *walk) wanted(e *entry) bool {
	if !slices.ContainsFunc(w.want, func(p *pattern) bool { return p.match(e.path) }) {
		return false
	}
	if e.link { // the symlink's target decides, and is only looked up here
		info, ok := w.app.Stat(e.path)
		return ok && (w.q.Dirs && info.IsDir() || !w.q.Dirs && info.Mode().IsRegular())
	}
	return w.q.Dirs && e.dir || !w.q.Dirs && e.file
}

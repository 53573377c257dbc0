package app

import (
	"slices"
	"strings"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// MaxEntries is how many files and directories of an app are looked at, MaxDepth how deep they may lie.
const (
	MaxEntries = 1 << 20
	MaxDepth   = 200
)

// GlobOptions say more about what Glob is to find.
type GlobOptions struct {
	Dirs  bool     // directories instead of regular files
	Not   []string // names, or patterns with a separator: what they match is left out with all below it
	Limit int      // at most so many; 0 for all
	Depth int      // at most so many elements in a path; 0 for any
}

// Glob is the regular files (links to them too) whose path matches one of the patterns: in the order of a
// walk, a directory's entries by name and each followed by what is in it. Patterns have braces, * matches
// separators too. What .gitignore excludes is not seen, nor is .git. A malformed pattern is a fault.
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
	names []element  // of Not, without a separator
	not   []*pattern // of Not, with one
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

// dir walks one directory; it gives false once the limit is reached.
func (w *walk) dir(name string, h lister, depth int) (bool, error) {
	f, err := w.app.folder(name, h)
	if err != nil {
		return false, err
	}
	if depth > MaxDepth {
		return false, fault.New(fault.Refused, "%.60s… lies more than %d folders deep", name, MaxDepth).
			WithHint("name folders that do not belong to the app in .gitignore")
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

// enters tells whether what is wanted may lie in the directory that an entry is.
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
	if e.link { // what it leads to decides, and is asked only now
		info, ok := w.app.Stat(e.path)
		return ok && (w.q.Dirs && info.IsDir() || !w.q.Dirs && info.Mode().IsRegular())
	}
	return w.q.Dirs && e.dir || !w.q.Dirs && e.file
}

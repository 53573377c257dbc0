package app

import (
	"io/fs"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

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
	top := &handle{root: a.root}
	defer top.close()
	_, err := w.dir(".", top, 1)
	return w.out, err
}

type walk struct {
	app   *App
	q     GlobOptions
	want  []*pattern
	names []string   // of Not, without a separator
	not   []*pattern // of Not, with one
	out   []string
}

func (w *walk) exclude(not []string) error {
	for _, n := range not {
		if !strings.Contains(n, "/") {
			w.names = append(w.names, n)
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
func (w *walk) dir(name string, h *handle, depth int) (bool, error) {
	f, err := w.app.folder(name, h)
	if err != nil {
		return false, err
	}
	if depth > MaxDepth {
		return false, fault.New(fault.Refused, "%.60s… lies more than %d folders deep", name, MaxDepth).
			WithHint("name folders that do not belong to the app in .gitignore")
	}
	for i := range f.entries {
		e := &f.entries[i]
		if w.excluded(e) {
			continue
		}
		if w.wanted(e) {
			if w.out = append(w.out, e.path); w.q.Limit > 0 && len(w.out) == w.q.Limit {
				return false, nil
			}
		}
		if !e.dir || e.link || w.q.Depth == depth || !slices.ContainsFunc(w.want, func(p *pattern) bool { return p.under(e.path) }) {
			continue
		}
		below := h.below(e.name)
		more, err := w.dir(e.path, below, depth+1)
		below.close()
		if err != nil || !more {
			return false, err
		}
	}
	return true, nil
}

func (w *walk) excluded(e *entry) bool {
	return slices.ContainsFunc(w.names, func(n string) bool { return matchName(n, e.name) }) ||
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

// folder is a directory's entries, sorted by name, without those that are ignored.
type folder struct {
	entries []entry
	rules   []*rules // that hold in it, the nearest last
}

type entry struct {
	name, path      string
	dir, file, link bool
}

// folder lists a directory, once. One that cannot be read counts as empty, as in Nixpacks: a database's
// data directory that only root may read must not stop a plan.
func (a *App) folder(name string, h *handle) (*folder, error) {
	if f := a.dirs[name]; f != nil {
		return f, nil
	}
	f := &folder{}
	a.dirs[name] = f
	ents := list(h)
	if a.seen += len(ents); a.seen > MaxEntries {
		return nil, fault.New(fault.Refused, "the app has more than %d files", MaxEntries).
			WithHint("name folders that do not belong to the app in .gitignore, or give a folder further down")
	}
	if name != "." {
		f.rules = a.dirs[path.Dir(name)].rules
	}
	if err := a.ownRules(f, name, ents); err != nil {
		return nil, err
	}
	for _, d := range ents {
		e := entry{name: d.Name(), path: d.Name(), dir: d.IsDir(), file: d.Type().IsRegular(), link: d.Type()&fs.ModeSymlink != 0}
		if name != "." {
			e.path = name + "/" + e.name
		}
		// A name that is no text cannot stand in a plan.
		if e.name != ".git" && utf8.ValidString(e.name) && !f.ignores(&e) {
			f.entries = append(f.entries, e)
		}
	}
	return f, nil
}

func list(h *handle) []fs.DirEntry {
	ents, err := h.list()
	if err != nil {
		return nil
	}
	slices.SortFunc(ents, func(x, y fs.DirEntry) int { return strings.Compare(x.Name(), y.Name()) })
	return ents
}

func (a *App) ownRules(f *folder, name string, ents []fs.DirEntry) error {
	_, found := slices.BinarySearchFunc(ents, ".gitignore", func(e fs.DirEntry, n string) int { return strings.Compare(e.Name(), n) })
	if !found {
		return nil
	}
	base := ""
	if name != "." {
		base = name + "/"
	}
	text, ok, err := a.Bytes(base + ".gitignore")
	if err != nil || !ok {
		return err
	}
	f.rules = append(slices.Clip(f.rules), parseRules(base, string(text)))
	return nil
}

func (f *folder) ignores(e *entry) bool {
	for i := len(f.rules) - 1; i >= 0; i-- {
		if found, ignored := f.rules[i].ignored(e.path, e.dir); found {
			return ignored
		}
	}
	return false
}

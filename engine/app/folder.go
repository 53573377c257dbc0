package app

import (
	"path"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// folder is the listing of a directory without ignored entries.
type folder struct {
	entries []entry
	sorted  bool // by name
	dirs    bool // some entries are directories
	ends    ends
	rules   []*rules // the ignore rules that apply to it, the nearest .gitignore last
}

// ends is a bit set of the last bytes of names, modulo 64. Most directories hold no file with the suffix that a pattern
// requires, so their entries need not be matched at all.
type ends uint64

func endOf(name string) ends { return 1 << (name[len(name)-1] % 64) }

type entry struct {
	path            string
	base            int32 // offset of the name in path
	dir, file, link bool
}

func (e *entry) name() string { return e.path[e.base:] }

// folder lists a directory once and caches the result. A directory that cannot be read counts as empty, as in Nixpacks:
// a database's data directory that only root may read must not stop a plan.
func (a *App) folder(name string, h lister) (*folder, error) {
	if f := a.dirs[name]; f != nil {
		return f, nil
	}
	f := &folder{}
	a.dirs[name] = f
	base := ""
	if name != "." {
		base = name + "/"
		f.rules = a.dirs[path.Dir(name)].rules
	}
	ents, ok := a.listed[name]
	if ok {
		delete(a.listed, name)
	} else {
		ents = h.list(base, a.listBufs[0])
	}
	if a.seen += len(ents); a.seen > MaxEntries {
		return nil, fault.New(fault.Refused, "the app has more than %d files", MaxEntries).
			WithHint("list folders that do not belong to the app in .gitignore, or give a subdirectory")
	}
	if err := a.ownRules(f, base, ents); err != nil {
		return nil, err
	}
	// A plan cannot contain names that are not valid UTF-8.
	f.entries = slices.DeleteFunc(ents, func(e entry) bool {
		return e.name() == ".git" || !utf8.ValidString(e.name()) || f.ignores(&e)
	})
	for i := range f.entries {
		e := &f.entries[i]
		f.ends |= endOf(e.path)
		f.dirs = f.dirs || e.dir
	}
	return f, nil
}

// sort sorts the entries on first use. Sorting takes as long as all other work on a listing, so it is deferred until the
// order matters.
func (f *folder) sort() {
	if !f.sorted {
		slices.SortFunc(f.entries, func(x, y entry) int { return strings.Compare(x.name(), y.name()) })
		f.sorted = true
	}
}

// ownRules adds the rules of the directory's own .gitignore, if it has one.
func (a *App) ownRules(f *folder, base string, ents []entry) error {
	if !slices.ContainsFunc(ents, func(e entry) bool { return e.name() == ".gitignore" }) {
		return nil
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

// maxAhead limits how many entries are examined for directories to list ahead. It is small so that a search that ends early
// wastes little work.
const maxAhead = 64

// ahead concurrently lists the directories among the first entries of a directory: those that enter accepts and that are not
// listed yet. It returns how many entries it examined. Listing is mostly waiting for the kernel.
func (a *App) ahead(h lister, ents []entry, enter func(*entry) bool) int {
	ents = ents[:min(len(ents), maxAhead)]
	var todo []*entry
	for i := range ents {
		if e := &ents[i]; a.dirs[e.path] == nil && enter(e) {
			todo = append(todo, e)
		}
	}
	workers := min(runtime.GOMAXPROCS(0), len(todo)/2)
	if workers < 2 || h.prepare() != nil {
		return len(ents)
	}
	got := make([]*[]entry, len(todo))
	var next, seen atomic.Int64
	seen.Store(int64(a.seen))
	var all sync.WaitGroup
	for w := range workers {
		if w == len(a.listBufs) {
			a.listBufs = append(a.listBufs, new([]byte))
		}
		buf := a.listBufs[w]
		all.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(todo)) && seen.Load() <= MaxEntries; i = next.Add(1) - 1 {
				below := h.below(todo[i].name())
				list := below.list(todo[i].path+"/", buf)
				below.close()
				seen.Add(int64(len(list)))
				got[i] = &list
			}
		})
	}
	all.Wait()
	for i, e := range todo {
		if got[i] != nil {
			a.listed[e.path] = *got[i]
		}
	}
	return len(ents)
}

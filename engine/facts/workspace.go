package facts

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/nixpacks-cue/nixpacks/engine/app"
)

// Workspace describes one kind of workspace: schema/facts.cue says what its fields mean.
type Workspace struct {
	// Selectors: keys that lead to what is meant, or for a file that is only text one regular expression.
	Members, Exclude, Name, Needs, Folders, Aliases [][]string

	Manifest, Mentions, Keep []string
	Part, Separator          string
	Loose, RootNeeds         bool
}

// member is a package of a workspace.
type member struct {
	dir, name string // dir in the root
	manifest  string // its file, in the root
	picked    any    // of the manifest
	needs     []*member
}

// found is the workspace that an app is a member of.
type found struct {
	*Workspace
	not     []string   // names of folders that hold no members
	pick    [][]string // what is wanted of manifests
	app     *app.App
	above   string // leads from the app's directory to the repository's
	root    string // in the repository
	file    string
	data    any // of the file
	part    *regexp.Regexp
	members []*member // by dir
	top     *member   // the root itself, where what it needs counts
}

// NoWorkspace is the answer about an app that is no member of a workspace.
func NoWorkspace() Answer {
	return Answer{Value: map[string]any{"root": "", "up": "", "file": "", "dir": "", "name": "", "needs": []any{}, "others": []any{}}}
}

// workspace looks in the folders above the app, the nearest first, for one that is the root of a workspace which the app is a
// member of.
func workspace(a *app.App, q Question) (Answer, error) {
	repository, dir := a.Repository()
	if repository == nil {
		return NoWorkspace(), nil
	}
	above := strings.Repeat("../", strings.Count(dir, "/")+1)
	for root := path.Dir(dir); ; root = path.Dir(root) {
		for _, file := range q.Args {
			f := &found{Workspace: q.Workspace, not: q.Not, pick: q.Pick, app: a, above: above, root: root, file: file}
			own, err := f.read(repository, below(root, dir))
			if err != nil {
				return NoWorkspace(), err
			}
			if own != nil {
				return f.answer(own), nil
			}
		}
		if root == "." {
			return NoWorkspace(), nil
		}
	}
}

// below is a path as it is called from a folder that it is in.
func below(dir, name string) string {
	if dir == "." {
		return name
	}
	return strings.TrimPrefix(name, dir+"/")
}

// read reads the workspace that a file declares, and gives the member in the folder dir; nil where there is none.
func (f *found) read(repository *app.App, dir string) (own *member, err error) {
	if f.part, err = regexp.Compile(f.Part); err != nil {
		return nil, err
	}
	var ok bool
	if f.data, ok, err = f.parse(f.file); !ok || err != nil {
		return nil, err
	}
	if err := f.list(repository, dir); err != nil {
		return nil, err
	}
	i := slices.IndexFunc(f.members, func(m *member) bool { return m.dir == dir })
	if i < 0 {
		return nil, nil
	}
	return f.members[i], f.link()
}

// parse is what a file of the root holds: a value, or the text of one that is only text.
func (f *found) parse(name string) (any, bool, error) {
	name = f.above + path.Join(f.root, name)
	kind := map[string]string{".json": "json", ".jsonc": "jsonc", ".toml": "toml", ".yaml": "yaml", ".yml": "yaml"}[path.Ext(name)]
	if kind == "" {
		data, ok, err := f.app.Bytes(name)
		return string(data), ok && len(data) <= MaxValue, err
	}
	return parseFile(f.app, Question{Kind: kind, Args: []string{name}}, name)
}

// list finds the members: folders with a manifest that the file names, or matches by a pattern.
func (f *found) list(repository *app.App, dir string) error {
	patterns := f.folders(selected(f.data, f.Members))
	if !slices.ContainsFunc(patterns, func(p string) bool { return matchDir(strings.TrimPrefix(p, "!"), dir) != strings.HasPrefix(p, "!") }) {
		return nil // a file of this name that is about something else
	}
	excluded := f.folders(selected(f.data, f.Exclude))
	dirs, err := f.candidates(repository, patterns)
	if err != nil {
		return err
	}
	for _, d := range dirs {
		in := false
		for _, p := range patterns {
			if out, negated := strings.CutPrefix(p, "!"); matchDir(out, d) {
				in = !negated
			}
		}
		if in && d != "." && !slices.ContainsFunc(excluded, func(p string) bool { return matchDir(p, d) || strings.HasPrefix(d, p+"/") }) {
			f.add(d)
		}
	}
	return nil
}

// folders are patterns of folders, without what only decorates them and with "/" between their parts. Braces are expanded.
func (f *found) folders(list []string) []string {
	var out []string
	for _, p := range list {
		p, negated := strings.CutPrefix(p, "!")
		if f.Separator != "" {
			p = strings.ReplaceAll(strings.TrimPrefix(p, f.Separator), f.Separator, "/")
		}
		for _, one := range app.Braces(p) {
			one = path.Clean(strings.TrimPrefix(one, "./"))
			if negated {
				one = "!" + one
			}
			out = append(out, one)
		}
	}
	return out
}

// candidates are the folders that may be members, in the order of their names.
func (f *found) candidates(repository *app.App, patterns []string) ([]string, error) {
	var dirs []string
	wild := false
	for _, p := range patterns {
		wild = wild || app.IsGlob(p)
		if !app.IsGlob(p) && !strings.HasPrefix(p, "!") {
			dirs = append(dirs, p)
		}
	}
	if wild {
		root, err := repository.Sub(f.root)
		if err != nil {
			return nil, err
		}
		defer root.Close()
		var globs []string
		for _, m := range f.Manifest {
			globs = append(globs, "**/"+m)
		}
		files, err := root.Glob(globs, app.GlobOptions{Not: f.not})
		if err != nil {
			return nil, err
		}
		for _, name := range files {
			dirs = append(dirs, path.Dir(name))
		}
	}
	slices.Sort(dirs)
	return slices.Compact(dirs), nil
}

// add adds the member in a folder, if it has a manifest. One that cannot be read names nothing: the app may not need it.
func (f *found) add(dir string) {
	for _, name := range f.Manifest {
		m := &member{dir: dir, name: dir, manifest: path.Join(dir, name)}
		data, ok, err := f.parse(m.manifest)
		if !ok && err == nil {
			continue
		}
		if names := selected(data, f.Name); len(names) > 0 {
			m.name = names[0]
		}
		m.picked = f.picked(data)
		f.members = append(f.members, m)
		return
	}
}

// answer is the answer for the app that is the member own.
func (f *found) answer(own *member) Answer {
	var needs, others []any
	in := map[*member]bool{}
	var visit func(m *member)
	visit = func(m *member) {
		if in[m] {
			return
		}
		in[m] = true
		for _, n := range m.needs {
			visit(n)
		}
		if m != own {
			needs = append(needs, m.value())
		}
	}
	visit(own)
	if f.top != nil {
		for _, n := range f.top.needs {
			visit(n)
		}
	}
	for _, m := range f.members {
		if !in[m] {
			others = append(others, m.value())
		}
	}
	return Answer{OK: true, Value: map[string]any{
		"root": f.root, "up": strings.Repeat("../", strings.Count(own.dir, "/")+1), "file": f.file,
		"dir": own.dir, "name": own.name, "needs": append([]any{}, needs...), "others": append([]any{}, others...),
	}}
}

func (m *member) value() any {
	return map[string]any{"dir": m.dir, "name": m.name, "manifest": m.picked}
}

// picked is what is wanted of a manifest.
func (f *found) picked(data any) any {
	none := map[string]any{}
	if _, ok := data.(map[string]any); !ok || f.pick == nil {
		return none
	}
	n := normal{}
	v, err := n.value(pick(data, f.pick), 0)
	if err != nil {
		return none
	}
	return v
}

// matchDir tells whether a pattern, in which * stays within one part of a path and ** is any number of parts, matches a folder.
func matchDir(pattern, dir string) bool {
	return matchParts(strings.Split(pattern, "/"), strings.Split(dir, "/"))
}

// matchParts goes back to the last ** alone where a part does not match: what an earlier one takes less, the last can take, so
// that a pattern with many of them takes no longer.
func matchParts(pattern, parts []string) bool {
	wild, taken := -1, 0 // the last **, and up to where it takes parts
	i, j := 0, 0
	for j < len(parts) {
		switch {
		case i < len(pattern) && pattern[i] == "**":
			wild, taken = i, j
			i++
		case i < len(pattern) && matchPart(pattern[i], parts[j]):
			i++
			j++
		case wild >= 0:
			taken++
			i, j = wild+1, taken
		default:
			return false
		}
	}
	for i < len(pattern) && pattern[i] == "**" {
		i++
	}
	return i == len(pattern)
}

func matchPart(pattern, part string) bool {
	ok, err := path.Match(pattern, part)
	return ok && err == nil
}

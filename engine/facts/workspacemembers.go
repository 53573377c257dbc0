package facts

import (
	"path"
	"slices"
	"strings"

	"github.com/nixpacks-cue/nixpacks/engine/app"
)

// list finds the members: folders with a manifest that the file names or whose path matches one of its patterns.
func (f *foundWorkspace) list(repository *app.App, dir string) error {
	patterns := f.folders(append(selected(f.data, f.Members), selected(f.data, f.Optional)...))
	if !f.Nested && !slices.ContainsFunc(patterns, func(p string) bool { return matchDir(strings.TrimPrefix(p, "!"), dir) != strings.HasPrefix(p, "!") }) {
		return nil // the file has the right name but declares another workspace, or none
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
		if in && d != "." && !above(d) && !slices.ContainsFunc(excluded, func(p string) bool { return matchDir(p, d) || strings.HasPrefix(d, p+"/") }) {
			f.add(d)
		}
	}
	return nil
}

// folders normalizes folder patterns: cleaned, with "/" as the separator, and with braces expanded.
func (f *foundWorkspace) folders(list []string) []string {
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

// candidates returns the folders that may be members, sorted by name.
func (f *foundWorkspace) candidates(repository *app.App, patterns []string) ([]string, error) {
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

// above reports whether a folder is outside the root.
func above(dir string) bool { return dir == ".." || strings.HasPrefix(dir, "../") || path.IsAbs(dir) }

// add adds the member in a folder if it has a manifest. A manifest that cannot be read is no error: the app may not need it.
func (f *foundWorkspace) add(dir string) *member {
	for _, name := range f.Manifest {
		m := &member{dir: dir, name: dir, manifest: path.Join(dir, name)}
		data, ok, err := f.parse(m.manifest)
		if !ok && err == nil {
			continue
		}
		if err == nil {
			m.data = data
		}
		if names := selected(m.data, f.Name); len(names) > 0 {
			m.name = names[0]
		}
		m.picked = f.picked(m.data)
		f.members = append(f.members, m)
		return m
	}
	return nil
}

// nest adds the members that members name in their own folders. A member depends on the members that name it.
func (f *foundWorkspace) nest() {
	at := map[string]*member{}
	for _, m := range f.members {
		at[m.dir] = m
	}
	for i := 0; i < len(f.members); i++ { // the list grows in the loop
		m := f.members[i]
		for _, d := range f.folders(append(selected(m.data, f.Members), selected(m.data, f.Optional)...)) {
			d = path.Join(m.dir, d)
			if at[d] == nil && d != "." && !above(d) {
				at[d] = f.add(d)
			}
			if n := at[d]; n != nil && n != m {
				m.names = append(m.names, n)
				n.add(m)
			}
		}
	}
	slices.SortFunc(f.members, func(x, y *member) int { return strings.Compare(x.dir, y.dir) })
}

// collectMissing collects the names of members that have no manifest.
func (f *foundWorkspace) collectMissing(repository *app.App) {
	f.addMissing(repository, f.data, f.file, ".")
	for _, m := range f.members {
		if f.Nested {
			f.addMissing(repository, m.data, m.manifest, m.dir)
		}
	}
}

func (f *foundWorkspace) addMissing(repository *app.App, data any, file, dir string) {
	for _, name := range selected(data, f.Members) {
		for _, d := range f.folders([]string{name}) {
			d = path.Join(dir, d)
			is := func(m *member) bool { return m.dir == d }
			if app.IsGlob(d) || strings.HasPrefix(name, "!") || d == "." || slices.ContainsFunc(f.members, is) || len(f.named[f.normalName(name)]) > 0 {
				continue
			}
			info, there := repository.Stat(path.Join(f.root, d))
			f.missing = append(f.missing, map[string]any{"dir": d, "name": name, "file": file, "folder": there && info.IsDir()})
		}
	}
}

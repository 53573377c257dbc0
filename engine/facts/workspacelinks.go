package facts

import (
	"bytes"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/nixpacks-cue/nixpacks/engine/app"
	"github.com/nixpacks-cue/nixpacks/engine/lazy"
)

// selected are the strings that selectors lead to: a string, the strings of a list, or the keys of a map. Of a text they are the
// first groups of all matches.
func selected(data any, selectors [][]string) []string {
	var out []string
	for _, keys := range selectors {
		if text, ok := data.(string); ok {
			out = append(out, matches(text, keys[0])...)
			continue
		}
		for _, v := range reach(data, keys) {
			switch v := v.(type) {
			case string:
				out = append(out, v)
			case []any:
				for _, x := range v {
					if s, ok := x.(string); ok {
						out = append(out, s)
					}
				}
			case map[string]any:
				out = append(out, slices.Sorted(maps.Keys(v))...)
			}
		}
	}
	return out
}

// reach are the values that keys lead to, "*" being any.
func reach(v any, keys []string) []any {
	if len(keys) == 0 {
		return []any{v}
	}
	m, _ := v.(map[string]any)
	if keys[0] != "*" {
		if next, ok := m[keys[0]]; ok {
			return reach(next, keys[1:])
		}
		return nil
	}
	var out []any
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, reach(m[k], keys[1:])...)
	}
	return out
}

func matches(text, expression string) []string {
	re, err := regexp.Compile(expression)
	if err != nil || re.NumSubexp() == 0 {
		return nil
	}
	var out []string
	for _, m := range re.FindAllStringSubmatch(text, -1) {
		out = append(out, m[1])
	}
	return out
}

// link finds out which members need which.
func (f *found) link() error {
	named, at := map[string]*member{}, map[string]*member{}
	for _, m := range f.members {
		named[f.called(m.name)], at[m.dir] = m, m
	}
	for _, keys := range f.Aliases {
		for _, v := range reach(f.data, keys) {
			f.aliases(v, named, at)
		}
	}
	all := f.members
	if f.RootNeeds && len(f.Manifest) > 0 {
		f.top = &member{dir: ".", manifest: f.Manifest[0]}
		all = append(slices.Clone(all), f.top)
	}
	for _, m := range all {
		data, _, err := f.parse(m.manifest)
		if err != nil {
			continue // as in add
		}
		for _, s := range selected(data, f.Needs) {
			m.add(named[f.called(s)])
		}
		for _, s := range selected(data, f.Folders) {
			m.add(at[path.Join(m.dir, s)])
		}
		if m != f.top {
			if err := f.mentions(m); err != nil {
				return err
			}
		}
		slices.SortFunc(m.needs, func(x, y *member) int { return strings.Compare(x.dir, y.dir) })
	}
	return nil
}

// aliases adds the names that the root has for members, which are told by any text beside such a name: their own, or their folder.
func (f *found) aliases(v any, named, at map[string]*member) {
	m, _ := v.(map[string]any)
	for _, alias := range slices.Sorted(maps.Keys(m)) {
		fields, _ := m[alias].(map[string]any)
		for _, key := range slices.Sorted(maps.Keys(fields)) {
			s, ok := fields[key].(string)
			if !ok {
				continue
			}
			if to := at[path.Clean(s)]; to != nil {
				named[f.called(alias)] = to
			} else if to := named[f.called(s)]; to != nil {
				named[f.called(alias)] = to
			}
		}
	}
}

func (m *member) add(needed *member) {
	if needed != nil && needed != m && !slices.Contains(m.needs, needed) {
		m.needs = append(m.needs, needed)
	}
}

// mentions adds the members that files of m name between quotes, alone or with more behind a "/".
func (f *found) mentions(m *member) error {
	if len(f.Mentions) == 0 {
		return nil
	}
	repository, _ := f.app.Repository()
	dir, err := repository.Sub(path.Join(f.root, m.dir))
	if err != nil {
		return nil // it went away
	}
	defer dir.Close()
	files, err := dir.Glob(f.Mentions, app.GlobOptions{Not: f.not})
	if err != nil {
		return err
	}
	for _, name := range files {
		data, _, err := dir.Bytes(name)
		if err != nil {
			continue
		}
		for _, other := range f.members {
			if bytes.Contains(data, []byte(`"`+other.name+`"`)) || bytes.Contains(data, []byte(`"`+other.name+`/`)) {
				m.add(other)
			}
		}
	}
	return nil
}

var loose = lazy.Regexp(`[-_.]+`)

// called is a name as names are compared.
func (f *found) called(name string) string {
	if f.Part != "" {
		name = f.part.FindString(name)
	}
	if f.Separator != "" {
		name = strings.ReplaceAll(strings.TrimPrefix(name, f.Separator), f.Separator, "/")
	}
	if f.Loose {
		name = strings.ToLower(loose().ReplaceAllString(name, "-"))
	}
	return name
}

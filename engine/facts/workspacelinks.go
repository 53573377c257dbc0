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
// first groups of all matches, and of several expressions each looks at what the one before it found.
func selected(data any, selectors [][]string) []string {
	var out []string
	for _, keys := range selectors {
		if text, ok := data.(string); ok {
			out = append(out, matches(text, keys)...)
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

// reach are the values that keys lead to, "*" being any. Those of a list lead on from each of its elements.
func reach(v any, keys []string) []any {
	if len(keys) == 0 {
		return []any{v}
	}
	if list, ok := v.([]any); ok {
		var out []any
		for _, x := range list {
			out = append(out, reach(x, keys)...)
		}
		return out
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

func matches(text string, expressions []string) []string {
	found := []string{text}
	for _, expression := range expressions {
		var next []string
		for _, in := range found {
			for _, m := range submatches(in, expression, 1) {
				next = append(next, m[1])
			}
		}
		found = next
	}
	return found
}

// submatches are all matches of an expression that has so many groups; none for one with fewer.
func submatches(text, expression string, groups int) [][]string {
	re, err := regexp.Compile(expression)
	if err != nil || re.NumSubexp() < groups {
		return nil
	}
	return re.FindAllStringSubmatch(text, -1)
}

// link finds out which members need which.
func (f *found) link() error {
	at := map[string]*member{}
	f.named = map[string][]*member{}
	for _, m := range f.members {
		f.name(m.name, m)
		at[m.dir] = m
	}
	f.rename(at)
	all := f.members
	if f.top = f.rootNeeds(); f.top != nil {
		all = append(slices.Clone(all), f.top)
	}
	for _, m := range all {
		for _, s := range selected(m.data, f.Needs) {
			for _, needed := range f.named[f.called(s)] {
				m.add(needed)
			}
		}
		for _, s := range selected(m.data, f.Folders) {
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

// rootNeeds is the root as a package that needs others; nil where there is none.
func (f *found) rootNeeds() *member {
	for _, name := range f.Manifest {
		if data, ok, err := f.parse(name); f.RootNeeds && ok && err == nil {
			return &member{dir: ".", manifest: name, data: data}
		}
	}
	return nil
}

// name lets a member be called so. Others may be, too.
func (f *found) name(name string, m *member) {
	name = f.called(name)
	f.named[name] = append(f.named[name], m)
}

// rename adds the other names that the root has for members.
func (f *found) rename(at map[string]*member) {
	for _, keys := range f.Aliases {
		if text, ok := f.data.(string); ok {
			for _, m := range submatches(text, keys[0], 2) {
				if to := at[path.Clean(m[2])]; to != nil {
					f.name(m[1], to)
				}
			}
		}
		for _, v := range reach(f.data, keys) {
			f.aliases(v, at)
		}
	}
}

// aliases adds the names that the root has for members, which are told by any text beside such a name: their own, or their folder.
func (f *found) aliases(v any, at map[string]*member) {
	m, _ := v.(map[string]any)
	for _, alias := range slices.Sorted(maps.Keys(m)) {
		fields, _ := m[alias].(map[string]any)
		for _, key := range slices.Sorted(maps.Keys(fields)) {
			s, ok := fields[key].(string)
			if !ok {
				continue
			}
			if to := at[path.Clean(s)]; to != nil {
				f.named[f.called(alias)] = []*member{to}
			} else if to := f.named[f.called(s)]; to != nil {
				f.named[f.called(alias)] = to
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

var loose, notLetters = lazy.Regexp(`[-_.]+`), lazy.Regexp(`[^\pL\pN]+`)

// called is a name as names are compared.
func (f *found) called(name string) string {
	if f.Part != "" {
		name = f.part.FindString(name)
	}
	if f.Separator != "" {
		name = strings.ReplaceAll(strings.TrimPrefix(name, f.Separator), f.Separator, "/")
	}
	if f.Letters {
		name = strings.ToLower(notLetters().ReplaceAllString(name, ""))
	}
	if f.Loose {
		name = strings.ToLower(loose().ReplaceAllString(name, "-"))
	}
	return name
}

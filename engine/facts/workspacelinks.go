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

// selected returns the strings that the selectors lead to: a string, the strings of a list, or the keys of a map. In plain text
// they are the first groups of all matches. Each expression of a selector searches what the previous one matched.
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

// reach returns the values at the path keys. "*" matches any key. A list in the path is descended into element by element.
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

// submatches returns all matches of an expression, or nil if the expression has fewer than the given number of groups.
func submatches(text, expression string, groups int) [][]string {
	re, err := regexp.Compile(expression)
	if err != nil || re.NumSubexp() < groups {
		return nil
	}
	return re.FindAllStringSubmatch(text, -1)
}

// link resolves the dependencies between members.
func (f *foundWorkspace) link() error {
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
			for _, needed := range f.named[f.normalName(s)] {
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

// rootNeeds returns the root as a package with dependencies, or nil if there is none.
func (f *foundWorkspace) rootNeeds() *member {
	for _, name := range f.Manifest {
		if data, ok, err := f.parse(name); f.RootNeeds && ok && err == nil {
			return &member{dir: ".", manifest: name, data: data}
		}
	}
	return nil
}

// name registers a name for a member. Several members may share one.
func (f *foundWorkspace) name(name string, m *member) {
	name = f.normalName(name)
	f.named[name] = append(f.named[name], m)
}

// rename registers the aliases that the root defines for members.
func (f *foundWorkspace) rename(at map[string]*member) {
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

// aliases registers aliases from a map of the root. A string field of an alias identifies the member: by its name or its folder.
func (f *foundWorkspace) aliases(v any, at map[string]*member) {
	m, _ := v.(map[string]any)
	for _, alias := range slices.Sorted(maps.Keys(m)) {
		fields, _ := m[alias].(map[string]any)
		for _, key := range slices.Sorted(maps.Keys(fields)) {
			s, ok := fields[key].(string)
			if !ok {
				continue
			}
			if to := at[path.Clean(s)]; to != nil {
				f.named[f.normalName(alias)] = []*member{to}
			} else if to := f.named[f.normalName(s)]; to != nil {
				f.named[f.normalName(alias)] = to
			}
		}
	}
}

func (m *member) add(needed *member) {
	if needed != nil && needed != m && !slices.Contains(m.needs, needed) {
		m.needs = append(m.needs, needed)
	}
}

// mentions adds the members whose quoted names occur in files of m, alone or followed by "/".
func (f *foundWorkspace) mentions(m *member) error {
	if len(f.Mentions) == 0 {
		return nil
	}
	repository, _ := f.app.Repository()
	dir, err := repository.Sub(path.Join(f.root, m.dir))
	if err != nil {
		return nil // removed in the meantime
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

// normalName returns the normalized form in which names are compared.
func (f *foundWorkspace) normalName(name string) string {
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

package plan2llb

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/moby/buildkit/client/llb"
)

const (
	archiveURL = "https://github.com/NixOS/nixpkgs/archive/"
	cacheURL   = "https://cache.nixos.org"
	mirrorDir  = "/run/nixpacks/mirror"
	fileScheme = "file://"
)

// mirrors rewrites the URLs of one step and remembers what that step needs of the client's folders, so that
// the step depends on those files alone.
type mirrors struct {
	list []Mirror         // sorted by From
	need map[int][]string // by index of list: the files, or nil for the whole folder
}

func newMirrors(list []Mirror) *mirrors {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b Mirror) int { return cmp.Compare(a.From, b.From) })
	return &mirrors{list: list, need: map[int][]string{}}
}

// find is the index of the mirror with the longest prefix of url, or -1.
func (m *mirrors) find(url string) int {
	best := -1
	for i, c := range m.list {
		if strings.HasPrefix(url, c.From) && (best < 0 || len(c.From) >= len(m.list[best].From)) {
			best = i
		}
	}
	return best
}

// file is where a step finds url, which is one file.
func (m *mirrors) file(url string) string {
	i := m.find(url)
	if i < 0 {
		return url
	}
	rest := strings.TrimPrefix(url, m.list[i].From)
	if !m.local(i) {
		return m.list[i].To + rest
	}
	rest = strings.TrimPrefix(rest, "/")
	if files, seen := m.need[i]; !seen || files != nil {
		m.need[i] = append(files, rest)
	}
	return fmt.Sprintf("%s%s/%d/%s", fileScheme, mirrorDir, i, rest)
}

// folder is where a step finds url, under which it may ask for anything.
func (m *mirrors) folder(url string) (string, bool) {
	i := m.find(url)
	if i < 0 {
		return url, false
	}
	if !m.local(i) {
		return m.list[i].To + strings.TrimPrefix(url, m.list[i].From), true
	}
	m.need[i] = nil
	return fmt.Sprintf("%s%s/%d", fileScheme, mirrorDir, i), true
}

func (m *mirrors) local(i int) bool { return strings.HasPrefix(m.list[i].To, fileScheme) }

// mount gives a step the folders that it needs, and notes them in locals. hint tells apart what different
// steps take from one folder.
func (m *mirrors) mount(hint string, locals map[string]string) []llb.RunOption {
	var opts []llb.RunOption
	for _, i := range slices.Sorted(maps.Keys(m.need)) {
		name := fmt.Sprintf("mirror-%d", i)
		locals[name] = strings.TrimPrefix(m.list[i].To, fileScheme)
		var include []string
		for _, f := range m.need[i] {
			include = append(include, escapePattern(f))
		}
		dir := llb.Local(name, llb.SharedKeyHint(name+":"+hint), llb.IncludePatterns(include),
			named("[nix] mirror of "+m.list[i].From))
		opts = append(opts, llb.AddMount(fmt.Sprintf("%s/%d", mirrorDir, i), dir, llb.Readonly))
	}
	return opts
}

// escapePattern is a pattern that matches exactly the file.
func escapePattern(file string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(file)
}

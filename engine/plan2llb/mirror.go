package plan2llb

import (
	"cmp"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/moby/buildkit/client/llb"
	"github.com/opencontainers/go-digest"
)

const (
	archiveURL = "https://github.com/NixOS/nixpkgs/archive/"
	cacheURL   = "https://cache.nixos.org"
	mirrorDir  = "/run/nixpacks/mirror"
	fileScheme = "file://"
)

// mirrors rewrites the URLs of one step and records which files of the client's folders the step needs, so that the step
// depends on those files alone.
type mirrors struct {
	list []Mirror         // sorted by From
	need map[int][]string // by index of list: the files, or nil for the whole folder
}

func newMirrors(list []Mirror) *mirrors {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b Mirror) int { return cmp.Compare(a.From, b.From) })
	return &mirrors{list: list, need: map[int][]string{}}
}

// find returns the index of the mirror with the longest prefix of url, or -1.
func (m *mirrors) find(url string) int {
	best := -1
	for i, c := range m.list {
		if strings.HasPrefix(url, c.From) && (best < 0 || len(c.From) >= len(m.list[best].From)) {
			best = i
		}
	}
	return best
}

// file returns where a step finds url, which names one file.
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
	return fileScheme + path.Join(mirrorDir, m.name(i), rest)
}

// folder returns where a step finds url, below which it may fetch any file.
func (m *mirrors) folder(url string) (string, bool) {
	i := m.find(url)
	if i < 0 {
		return url, false
	}
	if !m.local(i) {
		return m.list[i].To + strings.TrimPrefix(url, m.list[i].From), true
	}
	m.need[i] = nil
	return fileScheme + path.Join(mirrorDir, m.name(i)), true
}

func (m *mirrors) local(i int) bool { return strings.HasPrefix(m.list[i].To, fileScheme) }

// name returns the name of a mirror's folder in the graph. It depends neither on the folder's path nor on other mirrors.
func (m *mirrors) name(i int) string {
	return "mirror-" + digest.FromString(m.list[i].From).Encoded()[:8]
}

// mount gives a step the folders that it needs, and adds them to locals. hint separates what different steps take from
// one folder.
func (m *mirrors) mount(hint string, locals map[string]string) []llb.RunOption {
	var opts []llb.RunOption
	for _, i := range slices.Sorted(maps.Keys(m.need)) {
		name := m.name(i)
		locals[name] = path.Clean(strings.TrimPrefix(m.list[i].To, fileScheme))
		var include []string
		for _, f := range m.need[i] {
			include = append(include, escapePattern(f))
		}
		dir := llb.Local(name, llb.SharedKeyHint(name+":"+hint), llb.IncludePatterns(include),
			named("[nix] mirror of "+m.list[i].From))
		opts = append(opts, llb.AddMount(path.Join(mirrorDir, name), dir, llb.Readonly))
	}
	return opts
}

// escapePattern returns a pattern that matches exactly the file.
func escapePattern(file string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(file)
}

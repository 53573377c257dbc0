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
	// Selectors: keys that lead to what is meant, or for a file that is only text regular expressions.
	Members, Optional, Exclude, Name, Needs, Folders, Aliases [][]string

	Manifest, Mentions, Keep          []string
	Part, Separator                   string
	Loose, Letters, RootNeeds, Nested bool
}

// member is a package of a workspace.
type member struct {
	dir, name string // dir in the root
	manifest  string // its file, in the root
	data      any    // of the manifest; nil where it cannot be read
	picked    any    // of the manifest
	needs     []*member
	names     []*member // those that its manifest names as members
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
	members []*member            // by dir
	named   map[string][]*member // by what they are called
	missing []any                // what files name as members, and is none
	top     *member              // the root itself, where what it needs counts
}

// NoWorkspace is the answer about an app that is no member of a workspace.
func NoWorkspace() Answer {
	return Answer{Value: map[string]any{"root": "", "up": "", "file": "", "dir": "", "name": "", "needs": []any{}, "others": []any{}, "missing": []any{}}}
}

// workspace looks in the folders above the app, the nearest first, for one that is the root of a workspace which the app is a
// member of. Where workspaces are nested, the last of them is the root.
func workspace(a *app.App, q Question) (Answer, error) {
	repository, dir := a.Repository()
	if repository == nil {
		return NoWorkspace(), nil
	}
	above := strings.Repeat("../", strings.Count(dir, "/")+1)
	answer := NoWorkspace()
	for root := path.Dir(dir); ; root = path.Dir(root) {
		for _, file := range q.Args {
			f := &found{Workspace: q.Workspace, not: q.Not, pick: q.Pick, app: a, above: above, root: root, file: file}
			own, err := f.read(repository, below(root, dir))
			if err != nil {
				return NoWorkspace(), err
			}
			if own != nil {
				answer = f.answer(own)
				break
			}
		}
		if root == "." || answer.OK && !q.Workspace.Nested {
			return answer, nil
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
	if f.Nested {
		f.nest()
	}
	i := slices.IndexFunc(f.members, func(m *member) bool { return m.dir == dir })
	if i < 0 {
		return nil, nil
	}
	if err := f.link(); err != nil {
		return nil, err
	}
	f.lacking(repository)
	return f.members[i], nil
}

// parse is what a file of the root holds: a value, or the text of one that is only text.
func (f *found) parse(name string) (any, bool, error) {
	name = f.above + path.Join(f.root, name)
	kind := map[string]string{".json": "json", ".jsonc": "jsonc", ".toml": "toml", ".yaml": "yaml", ".yml": "yaml", ".xml": "xml"}[path.Ext(name)]
	switch kind {
	case "":
		data, ok, err := f.app.Bytes(name)
		return string(data), ok && len(data) <= MaxValue, err
	case "xml":
		return parseXMLFile(f.app, name)
	}
	return parseFile(f.app, Question{Kind: kind, Args: []string{name}}, name)
}

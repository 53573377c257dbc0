package facts

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/nixpacks-cue/nixpacks/engine/app"
)

// Workspace describes one kind of workspace. schema/facts.cue documents its fields.
type Workspace struct {
	// Selectors: paths of keys, or regular expressions if the file is plain text.
	Members, Optional, Exclude, Name, Needs, Folders, Aliases [][]string

	Manifest, Mentions, Keep          []string
	Part, Separator                   string
	Loose, Letters, RootNeeds, Nested bool
}

// member is a package of a workspace.
type member struct {
	dir, name string // dir is relative to the root
	manifest  string // path of its manifest, relative to the root
	data      any    // parsed manifest; nil if it cannot be read
	picked    any    // the picked part of the manifest
	needs     []*member
	names     []*member // the members that its manifest names
}

// foundWorkspace is the workspace that an app is a member of.
type foundWorkspace struct {
	*Workspace
	not     []string   // names of folders without members
	pick    [][]string // the keys to keep of manifests
	app     *app.App
	above   string // relative path from the app's directory to the repository's
	root    string // path of the root in the repository
	file    string
	data    any // parsed file
	part    *regexp.Regexp
	members []*member            // sorted by dir
	named   map[string][]*member // by normalized name
	missing []any                // named as members in files, but not found
	top     *member              // the root as a package; nil unless its dependencies count
}

// NoWorkspace is the answer for an app that is not a member of a workspace.
func NoWorkspace() Answer {
	return Answer{Value: map[string]any{"root": "", "up": "", "file": "", "dir": "", "name": "", "needs": []any{}, "others": []any{}, "missing": []any{}}}
}

// workspace searches the folders above the app, nearest first, for the root of a workspace that the app is a member of.
// If workspaces may be nested, the outermost one is the root.
func workspace(a *app.App, q Question) (Answer, error) {
	repository, dir := a.Repository()
	if repository == nil {
		return NoWorkspace(), nil
	}
	above := strings.Repeat("../", strings.Count(dir, "/")+1)
	answer := NoWorkspace()
	for root := path.Dir(dir); ; root = path.Dir(root) {
		for _, file := range q.Args {
			f := &foundWorkspace{Workspace: q.Workspace, not: q.Not, pick: q.Pick, app: a, above: above, root: root, file: file}
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

// below returns the path name relative to the folder dir that contains it.
func below(dir, name string) string {
	if dir == "." {
		return name
	}
	return strings.TrimPrefix(name, dir+"/")
}

// read reads the workspace that f.file declares and returns the member in the folder dir, or nil if there is none.
func (f *foundWorkspace) read(repository *app.App, dir string) (own *member, err error) {
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
	f.collectMissing(repository)
	return f.members[i], nil
}

// parse returns the parsed value of a file in the root, or its text if the format is plain text.
func (f *foundWorkspace) parse(name string) (any, bool, error) {
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

package plan

import (
	"path"
	"slices"
	"strings"
)

// Location is where an app is in the repository that it is part of. Of a finished plan it makes one that is built from the
// repository: paths of the plan are relative to Dir, and commands run there.
type Location struct {
	// Dir is the app's folder in the repository.
	Dir string `json:"dir"`
	// Root is the folder of the repository that is /app in the image: the root of the app's workspace, or Dir itself.
	Root string `json:"root"`
	// With are the folders of the other members of the workspace that the app needs, those that are needed first coming
	// first. Like those of Without they are relative to Root.
	With []string `json:"with,omitzero"`
	// Without are the folders of the members that it does not need. They do not go to the build, but for Keep.
	Without []string `json:"without,omitzero"`
	// Keep are the files of the folders in Without that tools want to see nevertheless.
	Keep []string `json:"keep,omitzero"`
}

func (p *Location) clone() *Location {
	if p == nil {
		return nil
	}
	c := *p
	c.With, c.Without, c.Keep = slices.Clone(p.With), slices.Clone(p.Without), slices.Clone(p.Keep)
	return &c
}

// Beside is the location of an app that two providers plan, each with its own: as the one has it whose root is further up, with
// all that either needs.
func (p *Location) Beside(other *Location) *Location {
	switch {
	case p == nil:
		return other
	case other == nil:
		return p
	case len(other.Root) < len(p.Root) || other.Root == ".":
		p, other = other, p
	}
	out := p.clone()
	for _, dir := range other.With {
		inOut := strings.TrimPrefix(path.Join(other.Root, dir), p.Root+"/")
		out.Without = slices.DeleteFunc(out.Without, func(d string) bool { return d == inOut })
		if !slices.Contains(out.With, inOut) {
			out.With = append(out.With, inOut)
		}
	}
	out.Keep = slices.Compact(slices.Sorted(slices.Values(slices.Concat(p.Keep, other.Keep))))
	return out
}

// InRoot is the app's folder as it is called from Root; "" where it is that, and for no place.
func (p *Location) InRoot() string {
	switch {
	case p == nil || p.Dir == p.Root:
		return ""
	case p.Root == ".":
		return p.Dir
	}
	return strings.TrimPrefix(p.Dir, p.Root+"/")
}

// Dirs are the folders of the repository whose own files speak for the app, the one that counts most last; "." for no place.
func (p *Location) Dirs() []string {
	if p == nil {
		return []string{"."}
	}
	return slices.Compact([]string{".", p.Root, p.Dir})
}

// Above leads from the app's folder to that of the repository, and Up to Root; "" where they are the same.
func (p *Location) Above() string {
	if p == nil {
		return ""
	}
	return climb(p.Dir)
}

// Up is as Above says.
func (p *Location) Up() string { return climb(p.InRoot()) }

func climb(dir string) string {
	if dir == "" {
		return ""
	}
	return strings.Repeat("../", strings.Count(dir, "/")+1)
}

// valid tells whether the place can be one: its folders lie where they say.
func (p *Location) valid() bool {
	for _, dir := range slices.Concat([]string{p.Dir, p.Root}, p.With, p.Without, p.Keep) {
		if dir == "" || dir != path.Clean(dir) || path.IsAbs(dir) || dir == ".." || strings.HasPrefix(dir, "../") {
			return false
		}
	}
	return p.Dir != "." && (p.Root == "." || p.Dir == p.Root || strings.HasPrefix(p.Dir, p.Root+"/"))
}

// Rooted is the plan with the paths of the app's files relative to the root of its place: what the plan is where it has none.
func (p *Plan) Rooted() *Plan {
	dir := p.App.InRoot()
	if dir == "" {
		return p
	}
	out := p.Clone()
	patterns := func(list []string) { // in which a "/" in front only decorates
		for i, name := range list {
			list[i] = path.Join(dir, strings.TrimLeft(name, "/"))
		}
	}
	paths := func(list []string) {
		for i, name := range list {
			list[i] = rooted(dir, name)
		}
	}
	patterns(out.Exclude)
	patterns(out.Include)
	for _, ph := range out.Phases {
		patterns(ph.Inputs)
		patterns(ph.Outputs)
		paths(ph.OnlyIncludeFiles)
		paths(ph.CacheDirectories)
		paths(ph.Paths)
	}
	if out.Start != nil {
		paths(out.Start.OnlyIncludeFiles)
		if out.Start.Workdir != "" {
			out.Start.Workdir = rooted(dir, out.Start.Workdir)
		}
	}
	return out
}

// rooted is a path that may also be one of the image's, or begin with a variable.
func rooted(dir, name string) string {
	if name == "" || strings.ContainsAny(name[:1], "/~$") {
		return name
	}
	return path.Join(dir, name)
}

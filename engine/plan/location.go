package plan

import (
	"path"
	"slices"
	"strings"
)

// Location is the place of an app in its repository. A finished plan with a Location is built from the repository: the
// plan's paths are relative to Dir, and commands run there.
type Location struct {
	// Dir is the app's folder in the repository.
	Dir string `json:"dir"`
	// Root is the folder of the repository that becomes /app in the image: the root of the app's workspace, or Dir
	// itself.
	Root string `json:"root"`
	// With are the folders of the other workspace members that the app needs, dependencies first. Like Without they are
	// relative to Root.
	With []string `json:"with,omitzero"`
	// Without are the folders of the members that the app does not need. They stay out of the build context, except for
	// Keep.
	Without []string `json:"without,omitzero"`
	// Keep are the files in folders of Without that tools need nevertheless.
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

// Beside merges the locations that two providers found for the same app. The location whose root is higher up wins, and
// gains the members that the other needs.
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

// InRoot returns the app's folder relative to Root. It is "" if both are the same, or if p is nil.
func (p *Location) InRoot() string {
	switch {
	case p == nil || p.Dir == p.Root:
		return ""
	case p.Root == ".":
		return p.Dir
	}
	return strings.TrimPrefix(p.Dir, p.Root+"/")
}

// Dirs returns the folders of the repository whose files configure the app, the most specific last. It is "." if p is
// nil.
func (p *Location) Dirs() []string {
	if p == nil {
		return []string{"."}
	}
	return slices.Compact([]string{".", p.Root, p.Dir})
}

// Above is the relative path from the app's folder up to the repository; "" if they are the same.
func (p *Location) Above() string {
	if p == nil {
		return ""
	}
	return climb(p.Dir)
}

// Up is the relative path from the app's folder up to Root; "" if they are the same.
func (p *Location) Up() string { return climb(p.InRoot()) }

func climb(dir string) string {
	if dir == "" {
		return ""
	}
	return strings.Repeat("../", strings.Count(dir, "/")+1)
}

// valid reports whether the folders are clean relative paths and Dir lies in Root.
func (p *Location) valid() bool {
	for _, dir := range slices.Concat([]string{p.Dir, p.Root}, p.With, p.Without, p.Keep) {
		if dir == "" || dir != path.Clean(dir) || path.IsAbs(dir) || dir == ".." || strings.HasPrefix(dir, "../") {
			return false
		}
	}
	return p.Dir != "." && (p.Root == "." || p.Dir == p.Root || strings.HasPrefix(p.Dir, p.Root+"/"))
}

// Rooted returns the plan with the paths of the app's files relative to App.Root. Without a location, or with the app at
// the root, it returns p itself.
func (p *Plan) Rooted() *Plan {
	dir := p.App.InRoot()
	if dir == "" {
		return p
	}
	out := p.Clone()
	patterns := func(list []string) { // patterns, in which a leading "/" means nothing
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

// rooted resolves name below dir. Absolute paths of the image and names that begin with a variable or ~ stay.
func rooted(dir, name string) string {
	if name == "" || strings.ContainsAny(name[:1], "/~$") {
		return name
	}
	return path.Join(dir, name)
}

package plan2llb

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/moby/buildkit/client/llb"

	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

const (
	assetsDir   = "/assets"
	profileFile = "/etc/profile.d/nixpacks.sh"
	sourceCopy  = "[app] copy the source"
)

// profile is the file that login shells read. Distributions' /etc/profile resets PATH before it reads this file, so it
// prepends the image's own directories again. It also sources what Nix packages export (libraries). The app's directory
// comes last: in Nixpacks' images commands like `serve` find a program of that name in it, because an empty entry of
// PATH means the working directory.
const profile = `for nixpacks_file in ` + everyNix + `/etc/profile.d/*.sh; do
	[ ! -r "$nixpacks_file" ] || . "$nixpacks_file"
done
unset nixpacks_file
PATH="${NIXPACKS_PATH:+$NIXPACKS_PATH:}$PATH:%s"
export PATH
`

// files adds what exists before any phase: /app, the login shells' profile, the image's first process and the static
// assets.
func (l *lowering) files() {
	l.state = l.state.File(l.ownFiles(l.in.Base), named("[app] profile and static assets"))
}

// ownFiles makes the files that every image gets, on top of the image base.
func (l *lowering) ownFiles(base Source) *llb.FileAction {
	user := notRoot(base.Config.User)
	if owner := l.owner(); owner != "" && l.in.Run != nil && base.Ref == l.in.Run.Ref {
		user = owner
	}
	opts := []llb.MkdirOption{llb.WithParents(true)}
	if user != "" {
		opts = append(opts, llb.WithUser(user))
	}
	a := llb.Mkdir(AppDir, 0o755, opts...)
	if l.dir != AppDir {
		a = a.Mkdir(l.dir, 0o755, opts...)
	}
	a = a.Mkdir(path.Dir(profileFile), 0o755, llb.WithParents(true)).
		Mkfile(profileFile, 0o644, fmt.Appendf(nil, profile, l.dir)).
		Mkdir(path.Dir(startFile), 0o755, llb.WithParents(true)).
		Mkfile(startFile, 0o644, startScript)
	made := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(l.in.Plan.StaticAssets)) {
		file := path.Join(assetsDir, name)
		if dir := path.Dir(file); !made[dir] {
			made[dir] = true
			a = a.Mkdir(dir, 0o755, llb.WithParents(true))
		}
		a = a.Mkfile(file, 0o644, []byte(l.in.Plan.StaticAssets[name]))
	}
	return a
}

// copyFor copies the app's files that a phase asks for: some, or the whole app.
func (l *lowering) copyFor(name string, ph *plan.Phase) {
	switch {
	case l.whole:
	case ph.Inputs == nil && ph.OnlyIncludeFiles == nil, hasAll(ph):
		l.copyWhole(l.copyInfo())
	case len(ph.Inputs)+len(ph.OnlyIncludeFiles) > 0:
		l.copySome(name, ph)
	}
}

// hasAll reports whether a phase asks for the whole app.
func hasAll(ph *plan.Phase) bool {
	return slices.ContainsFunc(ph.OnlyIncludeFiles, isAll) || slices.ContainsFunc(ph.Inputs, isAll)
}

// isAll reports whether a path is the app's directory itself.
func isAll(p string) bool { return path.Join("/", p) == "/" }

// copyWhole copies the whole app.
func (l *lowering) copyWhole(info *llb.CopyInfo) {
	l.whole = true
	src := l.app("", nil, "[app] read the source")
	l.state = l.state.File(llb.Copy(src, "/", AppDir, info), named(sourceCopy))
}

// copySome copies the part of the app that a phase sees. Missing Inputs are allowed (a lockfile that an app may have). A
// missing file of OnlyIncludeFiles fails the build unless it is an input too.
func (l *lowering) copySome(name string, ph *plan.Phase) {
	inputs := patterns(ph.Inputs)
	files := slices.DeleteFunc(slices.Clone(ph.OnlyIncludeFiles), func(f string) bool { return slices.Contains(ph.Inputs, f) })
	only := relative(files)
	src := l.app(name, sortedSet(slices.Concat(inputs, only)), "["+name+"] read "+strings.Join(slices.Concat(ph.Inputs, files), " "))
	var a *llb.FileAction
	if len(inputs) > 0 {
		a = then(a, src, "/", AppDir, l.copyInfo())
	}
	for _, f := range files {
		a = then(a, src, path.Join("/", f), destination(f), l.copyInfo())
	}
	l.state = l.state.File(a, named("["+name+"] copy its files"),
		l.from(strings.Join(ph.Inputs, " "), "phases", name, "inputs"), l.from(strings.Join(files, " "), "phases", name, "onlyIncludeFiles"))
}

// app returns the app's directory, or the files that include matches and the targets of matching symlinks. hint
// separates the daemon's copies of the directory for different includes.
func (l *lowering) app(hint string, include []string, label string) llb.State {
	ignore := l.in.Ignore
	if ignore == nil {
		ignore = []string{"**/.git"}
	}
	exclude := slices.Concat(l.made(), ignore)
	c := l.in.Context
	if c.State != nil {
		return llb.Scratch().File(llb.Copy(*c.State, "/", "/", &llb.CopyInfo{CopyDirContentsOnly: true,
			IncludePatterns: include, ExcludePatterns: exclude}), named(label))
	}
	opts := []llb.LocalOption{llb.SharedKeyHint(strings.TrimSpace(AppLocal + " " + hint)), llb.IncludePatterns(include),
		llb.FollowPaths(include), llb.ExcludePatterns(exclude), named(label)}
	if c.Session != "" {
		opts = append(opts, llb.SessionID(c.Session))
	}
	return llb.Local(cmp.Or(c.Local, AppLocal), opts...)
}

// made returns the patterns of all phases' outputs, which are not copied from the app's directory. A line of the user
// (Input.Ignore) comes later and so can include them again.
func (l *lowering) made() []string {
	var out []string
	for _, ph := range l.in.Plan.Phases {
		out = append(out, Made(ph)...)
	}
	return sortedSet(out)
}

// Made returns patterns, in the syntax of Input.Ignore, for the outputs of a phase.
func Made(ph *plan.Phase) []string { return patterns(ph.Outputs) }

// copyInfo returns the options of every copy of the app: copy contents of folders, merge into existing ones, give them
// to the user who runs the commands.
func (l *lowering) copyInfo() *llb.CopyInfo {
	info := &llb.CopyInfo{CopyDirContentsOnly: true, CreateDestPath: true, AllowWildcard: true, FollowSymlinks: true}
	if user := notRoot(l.in.Base.Config.User); user != "" {
		llb.WithUser(user).SetCopyOption(info)
	}
	return info
}

// then appends a copy to a.
func then(a *llb.FileAction, from llb.State, src, dest string, info *llb.CopyInfo) *llb.FileAction {
	if a == nil {
		return llb.Copy(from, src, dest, info)
	}
	return a.Copy(from, src, dest, info)
}

// thenRm appends to a the removal of path, if it exists.
func thenRm(a *llb.FileAction, path string) *llb.FileAction {
	if a == nil {
		return llb.Rm(path, llb.WithAllowNotFound(true))
	}
	return a.Rm(path, llb.WithAllowNotFound(true))
}

// destination returns where a file is copied to: its own path below /app (an absolute path stays), or, for a pattern,
// the folder where the pattern begins.
func destination(file string) string {
	dest := inApp(file)
	if i := strings.IndexAny(dest, "*?["); i >= 0 {
		return path.Dir(dest[:i]+"x") + "/"
	}
	return dest
}

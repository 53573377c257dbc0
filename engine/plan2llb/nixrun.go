package plan2llb

import (
	"path"
	"slices"
	"strings"

	"github.com/moby/buildkit/client/llb"
)

const (
	// nixTaken is where the last step that installs Nix packages puts what the image that runs takes of the Nix store, and
	// nixLinked where it puts a link that is root's profile there: file systems of their own.
	nixTaken  = "/run/nixpacks/taken"
	nixLinked = "/run/nixpacks/linked"
	// nixBelow is where that step sees the base of the image that runs.
	nixBelow = "/run/nixpacks/below"
	// takeNix names what the image that runs takes.
	takeNix = "[start] take Nix packages"
)

// takenNix is what the image that runs takes of Nix: store paths with the profile of all users, and a link that is root's.
type takenNix struct{ store, link llb.State }

// picksNix tells whether the image that runs has what it needs of Nix, and not all or nothing. Without a run image of its own
// it is the image that builds without the rest, which only a daemon that tells what steps changed can make.
func (l *lowering) picksNix() bool {
	return l.start.NixPkgs != nil && (l.in.Run != nil || l.in.Caps == (Caps{Merge: true, Diff: true}))
}

// running is what the image that runs needs of the set: the packages of names, and the libraries, of which nobody knows
// who loads them. Nil is nothing.
func (s *nixSet) running(names []string) *nixSet {
	run := *s
	run.runs = true
	run.pkgs = slices.DeleteFunc(slices.Clone(s.pkgs), func(p string) bool { return !slices.Contains(names, p) })
	if len(run.pkgs)+len(run.libs) == 0 {
		return nil
	}
	return &run
}

// installNixSets adds the steps that install the sets. The last one also gives what the image that runs takes of all sets: it
// depends on the base and the names of packages alone.
func (l *lowering) installNixSets(sets []*nixSet) {
	var last llb.ExecState
	some := false
	for i, s := range sets {
		var run *nixSet
		if l.picksNix() {
			run = s.running(l.start.NixPkgs)
		}
		some = some || run != nil
		takes := some && i == len(sets)-1
		last = l.installNix(s, run, takes)
		if takes {
			l.nixRun = &takenNix{last.AddMount(nixTaken, llb.Scratch()), last.AddMount(nixLinked, llb.Scratch())}
		}
		l.state, l.front = last.Root(), nixFront
	}
	l.installed = l.state
}

// takeNix lays what running needs of Nix onto st.
func (l *lowering) takeNix(st llb.State) llb.State {
	if l.nixRun == nil {
		return st
	}
	from := l.from(strings.Join(l.start.NixPkgs, " "), "start", "nixPkgs")
	link := path.Base(rootNix)
	st = st.File(llb.Rm(rootNix, llb.WithAllowNotFound(true)).
		Copy(l.nixRun.link, path.Join("/", link), rootNix, &llb.CopyInfo{CreateDestPath: true}), named("[start] profile of Nix packages"))
	if l.in.Caps.Merge {
		return llb.Merge([]llb.State{st, l.nixRun.store}, named(takeNix), from)
	}
	return st.File(llb.Copy(l.nixRun.store, "/", "/", &llb.CopyInfo{CopyDirContentsOnly: true}), named(takeNix), from)
}

// leaveNix goes over to an image with all that was done since the packages of Nix were installed, on the same base with those
// that running needs: in both images the files that this changed are the same ones.
func (l *lowering) leaveNix() {
	if !l.picksNix() {
		return
	}
	done := llb.Diff(l.installed, l.state, named("[start] what was done on the Nix packages"))
	base := l.takeNix(l.below())
	l.state = llb.Merge([]llb.State{base, done}, named("[start] leave the Nix packages of the build"),
		l.from(strings.Join(l.start.NixPkgs, " "), "start", "nixPkgs"))
}

// below is the base of the image that runs.
func (l *lowering) below() llb.State {
	if l.in.Run != nil {
		return l.in.Run.state("run", l.from(l.start.RunImage, "start", "runImage"))
	}
	return l.in.Base.state("base", l.from(l.in.Plan.BuildImage, "buildImage"))
}

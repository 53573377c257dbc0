package plan2llb

import (
	"path"
	"slices"
	"strings"

	"github.com/moby/buildkit/client/llb"
)

const (
	// nixTaken is where the last step that installs Nix packages puts what the image that runs takes of the Nix store, and
	// nixLinked where it puts the links that are the profiles there: file systems of their own.
	nixTaken  = "/run/nixpacks/taken"
	nixLinked = "/run/nixpacks/linked"
	// nixBelow is where that step sees the base of the image that runs.
	nixBelow = "/run/nixpacks/below"
	// takeNix names what the image that runs takes.
	takeNix = "[start] take Nix packages"
)

var (
	// nixLeft is what an installation leaves that is about all of its packages: Nix's database, and its profiles.
	nixLeft = []string{"/nix/var/nix/db", "/nix/var/nix/gcroots", path.Dir(everyNix), rootNix}
	// nixProfiles are the profiles of the image that runs.
	nixProfiles = []string{everyNix, path.Join(path.Dir(everyNix), "default"), rootNix}
)

// takenNix is what the image that runs takes of Nix: store paths, and links that are the profiles.
type takenNix struct{ store, links llb.State }

// picksNix tells whether the image that runs has what it needs of Nix, and not all or nothing. Without a run image of its own
// it is the image that builds without the rest, which only a daemon that tells what steps changed can make.
func (l *lowering) picksNix() bool {
	return l.start.NixPkgs != nil && (l.in.Run != nil || l.in.Caps == allCaps)
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

// takeNix lays what running needs of Nix onto st, and then what was done on the packages, if anything.
//
// A cache may have the steps behind the packages on another run of their installation. What that one left differs by its times
// and its database, so that it is with what was done: it comes off again, and the profiles are laid on top.
func (l *lowering) takeNix(st llb.State, done ...llb.State) llb.State {
	from := l.from(strings.Join(l.start.NixPkgs, " "), "start", "nixPkgs")
	layers := []llb.State{st}
	if l.nixRun != nil {
		layers = append(layers, l.nixRun.store)
	}
	switch layers = append(layers, done...); {
	case len(layers) == 1:
		return st
	case l.in.Caps.Merge:
		st = llb.Merge(layers, named(takeNix), from)
	default:
		st = st.File(llb.Copy(l.nixRun.store, "/", "/", &llb.CopyInfo{CopyDirContentsOnly: true}), named(takeNix), from)
	}
	var links *llb.FileAction
	for _, left := range nixLeft {
		links = thenRm(links, left)
	}
	if l.nixRun != nil {
		for _, link := range nixProfiles {
			links = links.Copy(l.nixRun.links, path.Join("/", path.Base(link)), link, &llb.CopyInfo{CreateDestPath: true})
		}
	}
	return st.File(links, named("[start] profiles of Nix packages"), from)
}

// leaveNix goes over to an image with all that was done since the packages of Nix were installed, on the same base with those
// that running needs: in both images the files that this changed are the same ones.
func (l *lowering) leaveNix() {
	if l.picksNix() {
		l.state = l.takeNix(l.below(), llb.Diff(l.installed, l.state, named("[start] what was done on the Nix packages")))
	}
}

// below is the base of the image that runs.
func (l *lowering) below() llb.State {
	if l.in.Run != nil {
		return l.in.Run.state("run", l.from(l.start.RunImage, "start", "runImage"))
	}
	return l.in.Base.state("base", l.from(l.in.Plan.BuildImage, "buildImage"))
}

package plan2llb

import (
	"path"
	"slices"
	"strings"

	"github.com/moby/buildkit/client/llb"
)

const (
	// nixTaken is where the last step that installs Nix packages puts the store paths for the final image, and nixLinked
	// where it puts the links to the profiles. Both are separate file systems.
	nixTaken  = "/run/nixpacks/taken"
	nixLinked = "/run/nixpacks/linked"
	// nixBelow is where that step sees the base of the final image.
	nixBelow = "/run/nixpacks/below"
	// takeNix is the name of the step that adds Nix packages to the final image.
	takeNix = "[start] take Nix packages"
)

var (
	// nixLeft is what an installation leaves behind for all of its packages: Nix's database and its profiles.
	nixLeft = []string{"/nix/var/nix/db", "/nix/var/nix/gcroots", path.Dir(everyNix), rootNix}
	// nixProfiles are the profiles in the final image.
	nixProfiles = []string{everyNix, path.Join(path.Dir(everyNix), "default"), rootNix}
)

// takenNix is what the final image takes of Nix: store paths, and the links to the profiles.
type takenNix struct{ store, links llb.State }

// picksNix reports whether the final image has only the Nix packages that it needs, rather than all or none. Without a
// run image this removes packages from the build image, for which the daemon must support diff and merge.
func (l *lowering) picksNix() bool {
	return l.start.NixPkgs != nil && (l.in.Run != nil || l.in.Caps == allCaps)
}

// running returns the part of the set that the final image needs: the packages in names, and all libraries, because
// nothing tells which program loads them. It returns nil if there is nothing.
func (s *nixSet) running(names []string) *nixSet {
	run := *s
	run.runs = true
	run.pkgs = slices.DeleteFunc(slices.Clone(s.pkgs), func(p string) bool { return !slices.Contains(names, p) })
	if len(run.pkgs)+len(run.libs) == 0 {
		return nil
	}
	return &run
}

// installNixSets adds the steps that install the sets. The last step also copies out what the final image takes of all
// sets. It depends only on the base and the names of packages.
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

// takeNix lays the Nix packages of the final image onto st, and then the states done, which are the changes made on top
// of the packages.
//
// The steps after the packages may come from the cache, on top of another run of the installation. The files in nixLeft
// differ between runs (times, database), so these changes contain them. takeNix removes them and copies the profiles on
// top.
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

// leaveNix switches to a state with all changes since the Nix packages were installed, on the same base with only the
// packages for the final image. The changes fit: the files that they touch are the same in both.
func (l *lowering) leaveNix() {
	if l.picksNix() {
		l.state = l.takeNix(l.below(), llb.Diff(l.installed, l.state, named("[start] what was done on the Nix packages")))
	}
}

// below returns the base of the final image.
func (l *lowering) below() llb.State {
	if l.in.Run != nil {
		return l.in.Run.state("run", l.from(l.start.RunImage, "start", "runImage"))
	}
	return l.in.Base.state("base", l.from(l.in.Plan.BuildImage, "buildImage"))
}

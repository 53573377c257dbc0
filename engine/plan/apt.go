package plan

import (
	"slices"
	"strings"
)

// WithNix is what a name of an architecture ends with where it stands for a base with Nix in it.
const WithNix = "+nix"

// AptSet is a set of Debian packages that one step installs on an image.
type AptSet struct {
	Image    string   // as the plan names it, but for a digest
	Run      bool     // it is the image that runs, not the one that builds
	Packages []string // sorted, each once
	nix      bool     // a base is made for the plan that has Nix, and more packages than the one without
}

// Key names the set among those that are pinned, for an architecture as Go names it.
func (s AptSet) Key(arch string) string {
	if s.nix {
		arch += WithNix
	}
	return s.Image + " " + arch + " " + strings.Join(s.Packages, " ")
}

// IsKey tells whether a name is the Key of the set for any architecture.
func (s AptSet) IsKey(name string) bool {
	words := strings.SplitN(name, " ", 3)
	return len(words) == 3 && name == s.Key(strings.TrimSuffix(words[1], WithNix))
}

// String is the set in words, for people.
func (s AptSet) String() string { return strings.Join(s.Packages, " ") + " on " + s.Image }

// AptSets are the sets of Debian packages that can be pinned for the plan: not those on an image of the operator's own machine,
// which nobody else has.
func (p *Plan) AptSets() (out []AptSet) {
	add := func(image string, run bool) {
		image, _, _ = strings.Cut(image, "@")
		if pkgs := p.AptPackages(run); len(pkgs) > 0 && !LocalImage(image) {
			out = append(out, AptSet{image, run, pkgs, !run && p.UsesNix() && strings.HasPrefix(image, "debian://")})
		}
	}
	add(p.BuildImage, false)
	if p.Start != nil && p.Start.RunImage != "" {
		add(p.Start.RunImage, true)
	}
	return out
}

// AptPackages are the Debian packages that are installed on the image that builds, or on one of its own that runs, sorted.
func (p *Plan) AptPackages(run bool) []string {
	var lists []string
	for _, ph := range p.Phases {
		if !run {
			lists = append(lists, ph.AptPkgs...)
		}
	}
	if p.Start != nil && run == (p.Start.RunImage != "") {
		lists = append(lists, p.Start.AptPkgs...)
	}
	out := strings.Fields(strings.Join(lists, " ")) // elements name one or several
	slices.Sort(out)
	return slices.Compact(out)
}

// UsesNix tells whether the plan builds with Nix, be it that one phase wants packages of it: an app that takes its toolchain from
// Debian may add some.
func (p *Plan) UsesNix() bool {
	if p.Packages != "apt" {
		return true
	}
	for _, ph := range p.Phases {
		if ph.UsesNix() {
			return true
		}
	}
	return false
}

// LocalImage tells whether an image is on the operator's machine, and in no registry.
func LocalImage(ref string) bool {
	return strings.HasPrefix(ref, "oci-layout://") || strings.HasPrefix(ref, "file://")
}

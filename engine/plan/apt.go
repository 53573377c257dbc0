package plan

import (
	"slices"
	"strings"
)

// WithNix is the suffix of the architecture in a Key for a base that contains Nix.
const WithNix = "+nix"

// AptSet is a set of Debian packages that one step installs on an image.
type AptSet struct {
	Image    string   // as the plan names it, without a digest
	Run      bool     // the image is the run image, not the build image
	Packages []string // sorted, without duplicates
	nix      bool     // the base is bootstrapped with Nix, so it has more packages than the one without
}

// Key is the set's key in Plan.AptHashes. arch is an architecture in Go's spelling.
func (s AptSet) Key(arch string) string {
	if s.nix {
		arch += WithNix
	}
	return s.Image + " " + arch + " " + strings.Join(s.Packages, " ")
}

// IsKey reports whether name is the set's Key for any architecture.
func (s AptSet) IsKey(name string) bool {
	words := strings.SplitN(name, " ", 3)
	return len(words) == 3 && name == s.Key(strings.TrimSuffix(words[1], WithNix))
}

// String describes the set for people.
func (s AptSet) String() string { return strings.Join(s.Packages, " ") + " on " + s.Image }

// AptSets returns the sets of Debian packages that can be pinned for the plan. Sets on an image of the operator's own
// machine are left out: nobody else has that image.
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

// AptPackages returns the Debian packages that are installed on the build image or, with run, on a separate run image,
// sorted.
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
	out := strings.Fields(strings.Join(lists, " ")) // an element may name several packages
	slices.Sort(out)
	return slices.Compact(out)
}

// UsesNix reports whether the plan builds with Nix. One phase with Nix packages is enough: an app that takes its
// toolchain from Debian may add some.
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

// LocalImage reports whether ref names an image on the operator's machine rather than in a registry.
func LocalImage(ref string) bool {
	return strings.HasPrefix(ref, "oci-layout://") || strings.HasPrefix(ref, "file://")
}

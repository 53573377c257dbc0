package lock

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// Apply writes into a plan the pins that it lacks: digests of images in registries, hashes of archives, and hashes of
// what apt installs. Values that the plan sets stay.
func (l *Lock) Apply(p *plan.Plan) {
	l.applyApt(p)
	for _, ref := range images(p) {
		if b := l.Bases[*ref]; b.Digest != "" {
			*ref += "@" + b.Digest
		}
	}
	for _, a := range Archives(p) {
		if hash := l.Nix[a]; hash != "" && p.NixHashes[a] == "" {
			if _, said := p.NixHashes[a]; said {
				continue // the plan disables the check
			}
			p.NixHashes = maps.Clone(p.NixHashes)
			if p.NixHashes == nil {
				p.NixHashes = map[string]string{}
			}
			p.NixHashes[a] = hash
		}
	}
}

// PinImage pins an image to a digest or, with a variant, to the hash of its packages and the date at which archives had
// them. If the packages are pinned to this hash already, they keep their date.
func (l *Lock) PinImage(ref, variant, hash, date string) {
	if strings.Contains(ref, "@") { // the app pins it itself
		return
	}
	if l.Bases == nil {
		l.Bases = map[string]Base{}
	}
	if variant == "" {
		l.Bases[ref] = Base{Digest: hash}
		return
	}
	b := l.Bases[ref]
	if b.Packages == nil {
		b = Base{Packages: map[string]string{}}
	}
	if date != "" && (b.Packages[variant] != hash || b.Dates[variant] == "") {
		if b.Dates == nil {
			b.Dates = map[string]string{}
		}
		b.Dates[variant] = date
	}
	b.Packages[variant] = hash
	l.Bases[ref] = b
}

// PinArchives pins the archives of a plan to the plan's hashes of them.
func (l *Lock) PinArchives(p *plan.Plan) {
	for _, a := range Archives(p) {
		if l.Nix == nil {
			l.Nix = map[string]string{}
		}
		l.Nix[a] = p.NixHashes[a]
	}
}

// Add adds the pins of another lock. With inPlace they replace existing pins; without, those stay. Other pins are kept:
// one lock serves several plans, those of a repository's apps and those for several platforms.
func (l *Lock) Add(found *Lock, inPlace bool) {
	for ref, b := range found.Bases {
		if _, ok := l.Bases[ref]; b.Packages == nil && (inPlace || !ok) {
			l.PinImage(ref, "", b.Digest, "")
		}
		for variant, hash := range b.Packages {
			if _, ok := l.Bases[ref].Packages[variant]; inPlace || !ok {
				l.PinImage(ref, variant, hash, b.Dates[variant])
			}
		}
	}
	for a, hash := range found.Nix {
		if l.Nix == nil {
			l.Nix = map[string]string{}
		}
		if _, ok := l.Nix[a]; inPlace || !ok {
			l.Nix[a] = hash
		}
	}
	l.addApt(found.Apt, inPlace)
}

// Beyond describes the bases, archives and Debian packages that l pins and found does not, one per line.
func (l *Lock) Beyond(found *Lock) (lines []string) {
	of := found.pins()
	for name := range (&Lock{Bases: l.Bases, Nix: l.Nix, Apt: l.Apt}).pins() {
		if _, ok := of[name]; !ok {
			lines = append(lines, "kept     "+name+", which this plan does not use")
		}
	}
	slices.Sort(lines)
	return lines
}

// Drift describes what a plan, after Apply, has that the lock lacks or has otherwise, one per line. It does not cover
// the packages of bases, which the plan does not know.
func (l *Lock) Drift(p *plan.Plan) (lines []string) {
	for _, ref := range images(p) {
		_, pinned := l.Bases[*ref]
		if !pinned && pinnable(*ref) {
			lines = append(lines, fmt.Sprintf("the image %s is not pinned", *ref))
		}
	}
	for _, a := range Archives(p) {
		switch was, ok := l.Nix[a]; {
		case !ok:
			lines = append(lines, fmt.Sprintf("the archive %s of Nix packages is not pinned", a))
		case was != p.NixHashes[a]:
			lines = append(lines, fmt.Sprintf("the archive %s of Nix packages has the hash %s, but the lock file has %s", a, orNone(p.NixHashes[a]), orNone(was)))
		}
	}
	for _, s := range p.AptSets() {
		if !l.hasApt(s) {
			lines = append(lines, fmt.Sprintf("the Debian packages %s are not pinned", s))
		}
	}
	return lines
}

// Packages returns the hashes of the packages of bases, and the dates at which archives had them, by reference and
// variant.
func (l *Lock) Packages() (hashes, dates map[string]map[string]string) {
	hashes, dates = map[string]map[string]string{}, map[string]map[string]string{}
	for ref, b := range l.Bases {
		if b.Packages != nil {
			hashes[ref], dates[ref] = b.Packages, b.Dates
		}
	}
	return hashes, dates
}

// Changes describes the pins in which next differs from l, one per line.
func (l *Lock) Changes(next *Lock) (lines []string) {
	was, is := l.pins(), next.pins()
	names := slices.Sorted(maps.Keys(was))
	for name := range is {
		if _, ok := was[name]; !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		before, had := was[name]
		now, has := is[name]
		switch {
		case !had:
			lines = append(lines, "added    "+name+": "+orNone(now))
		case !has:
			lines = append(lines, "removed  "+name+", which was "+orNone(before))
		case before != now:
			lines = append(lines, "changed  "+name+": "+orNone(now)+", which was "+orNone(before))
			lines = append(lines, aptChanges(l.aptOf(name), next.aptOf(name))...)
		}
	}
	return lines
}

// pins returns all pins by the description of what they pin.
func (l *Lock) pins() map[string]string {
	out := map[string]string{}
	for kind, modules := range map[string]map[string]Module{"the providers of ": l.Providers, "the policies of ": l.Policies} {
		for path, m := range modules {
			out[kind+path] = m.Version + " " + m.Digest
		}
	}
	for ref, b := range l.Bases {
		if b.Digest != "" {
			out["the image "+ref] = b.Digest
		}
		for variant, hash := range b.Packages {
			out["the packages of "+ref+" for "+variant] = hash
		}
	}
	for a, hash := range l.Nix {
		out["the archive "+a+" of Nix packages"] = hash
	}
	for key, set := range l.Apt {
		out[aptName(key)] = set.Hash
	}
	return out
}

func orNone(s string) string {
	if s == "" {
		return "no hash"
	}
	return s
}

// images returns pointers to the plan's references to images.
func images(p *plan.Plan) (refs []*string) {
	if p.BuildImage != "" {
		refs = append(refs, &p.BuildImage)
	}
	if p.Start != nil && p.Start.RunImage != "" {
		refs = append(refs, &p.Start.RunImage)
	}
	return refs
}

// Asks reports whether pinning a plan takes queries: it has unpinned images, or Debian packages.
func Asks(p *plan.Plan) bool {
	return len(p.AptSets()) > 0 || slices.ContainsFunc(images(p), func(ref *string) bool { return pinnable(*ref) })
}

// pinnable reports whether the plan leaves it to a lock to pin an image. Local images are excluded: nobody else has them,
// and locks are shared.
func pinnable(ref string) bool { return !strings.Contains(ref, "@sha256:") && !plan.LocalImage(ref) }

// Archives returns the archives that the plan's Nix packages come from, sorted.
func Archives(p *plan.Plan) []string {
	var out []string
	for _, ph := range p.Phases {
		if ph.UsesNix() {
			out = append(append(out, ph.NixpkgsArchive), ph.NixOverlays...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

package base

import (
	"maps"
	"slices"
	"strings"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// choice is a set of packages without conflicts that contains all of its dependencies.
type choice struct {
	set    *packageSet
	arch   string
	chosen map[string]*pkg
}

// choose adds the dependencies of the named packages. Like apt, it prefers an alternative that is already chosen, and else the
// first available one. It does not backtrack, which Debian's base packages never need. If the result has a
// conflict, it reports that.
func choose(set *packageSet, arch string, names []string) (*choice, error) {
	c := &choice{set: set, arch: arch, chosen: map[string]*pkg{}}
	var queue []*pkg
	take := func(p *pkg) {
		if c.chosen[p.Name] == nil {
			c.chosen[p.Name] = p
			queue = append(queue, p)
		}
	}
	for _, n := range names {
		p := c.find(relation{name: n})
		if p == nil {
			return nil, fault.New(fault.Refused, "the Debian archive has no package %s for %s", n, arch).
				WithHint("this program does not support the suite: use trixie")
		}
		take(p)
	}
	for len(queue) > 0 {
		p := queue[0]
		queue = queue[1:]
		wanted, err := p.wants()
		if err != nil {
			return nil, err
		}
		for _, alts := range wanted {
			next := c.pick(alts)
			if next == nil {
				return nil, fault.New(fault.Refused, "the Debian package %s cannot be installed: it depends on %s, which this archive does not have",
					p.Name, alternatives(alts)).WithHint("the archive is in transition (sid often is) or incomplete: use trixie, or another mirror")
			}
			take(next)
		}
	}
	// Release the rest of the archive, some tens of thousands of packages.
	c.set = newPackageSet()
	c.set.byName = c.chosen
	c.set.index()
	return c, c.check()
}

// wants returns the dependencies of p.
func (p *pkg) wants() ([][]relation, error) {
	pre, err := parseRelations(p.preDepends)
	if err != nil {
		return nil, fault.Wrap(fault.Refused, err, "the Debian package %s has dependencies that cannot be read", p.Name)
	}
	deps, err := parseRelations(p.depends)
	if err != nil {
		return nil, fault.Wrap(fault.Refused, err, "the Debian package %s has dependencies that cannot be read", p.Name)
	}
	return append(pre, deps...), nil
}

// pick returns a package that satisfies one of alts: a chosen one, or the first available.
func (c *choice) pick(alts []relation) *pkg {
	for _, r := range alts {
		if p := c.has(r); p != nil {
			return p
		}
	}
	for _, r := range alts {
		if p := c.find(r); p != nil {
			return p
		}
	}
	return nil
}

// has returns the chosen package that satisfies r, or nil.
func (c *choice) has(r relation) *pkg {
	if p := c.chosen[r.name]; p != nil && p.fits(r, c.arch) {
		return p
	}
	for _, p := range c.set.providers[r.name] {
		if c.chosen[p.Name] == p && p.fits(r, c.arch) {
			return p
		}
	}
	return nil
}

// find returns the archive's best package for r: the one of that name, or else the provider with the highest priority.
func (c *choice) find(r relation) *pkg {
	if p := c.set.byName[r.name]; p != nil && p.fits(r, c.arch) {
		return p
	}
	for _, p := range c.set.providers[r.name] {
		if p.fits(r, c.arch) {
			return p
		}
	}
	return nil
}

// check refuses a set with conflicting packages.
func (c *choice) check() error {
	for _, p := range c.sorted() {
		for _, field := range []string{p.conflicts, p.breaks} {
			groups, err := parseRelations(field)
			if err != nil {
				return fault.Wrap(fault.Refused, err, "the Debian package %s has conflicts that cannot be read", p.Name)
			}
			for _, g := range groups {
				if other := c.clash(p, g[0]); other != nil {
					return fault.New(fault.Refused, "the Debian packages %s %s and %s %s conflict", p.Name, p.Version, other.Name, other.Version).
						WithHint("the archive is in transition (sid often is): use trixie, or another mirror")
				}
			}
		}
	}
	return nil
}

// clash returns a chosen package other than p that matches r, or nil.
func (c *choice) clash(p *pkg, r relation) *pkg {
	for _, o := range append([]*pkg{c.chosen[r.name]}, c.set.providers[r.name]...) {
		if o != nil && o != p && c.chosen[o.Name] == o && o.fits(r, c.arch) {
			return o
		}
	}
	return nil
}

func (c *choice) sorted() []*pkg {
	var out []*pkg
	for _, n := range slices.Sorted(maps.Keys(c.chosen)) {
		out = append(out, c.chosen[n])
	}
	return out
}

// essential returns the packages that dpkg itself requires, sorted by name: the essential packages
// and their dependencies.
func (c *choice) essential() []*pkg {
	in := map[string]bool{}
	var visit func(p *pkg)
	visit = func(p *pkg) {
		if p == nil || in[p.Name] {
			return
		}
		in[p.Name] = true
		wanted, _ := p.wants() // choose has parsed it without error
		for _, alts := range wanted {
			for _, r := range alts {
				visit(c.has(r))
			}
		}
	}
	for _, p := range c.sorted() {
		if p.essential {
			visit(p)
		}
	}
	return slices.DeleteFunc(c.sorted(), func(p *pkg) bool { return !in[p.Name] })
}

// batches groups the non-essential packages such that the pre-dependencies of each are in an earlier batch, because dpkg
// requires them to be configured before it unpacks the package.
func (c *choice) batches(essential []*pkg) [][]*pkg {
	done := map[string]bool{}
	for _, p := range essential {
		done[p.Name] = true
	}
	rest := slices.DeleteFunc(c.sorted(), func(p *pkg) bool { return done[p.Name] })
	var out [][]*pkg
	for len(rest) > 0 {
		var now, later []*pkg
		for _, p := range rest {
			if c.preReady(p, done) {
				now = append(now, p)
			} else {
				later = append(later, p)
			}
		}
		if now == nil { // a cycle of pre-dependencies: leave it to dpkg
			now, later = later, nil
		}
		now, later = c.closed(now, later, done)
		for _, p := range now {
			done[p.Name] = true
		}
		out, rest = append(out, now), later
	}
	return out
}

func (c *choice) preReady(p *pkg, done map[string]bool) bool {
	pre, _ := parseRelations(p.preDepends)
	for _, alts := range pre {
		if q := c.pick(alts); q != nil && !done[q.Name] {
			return false
		}
	}
	return true
}

// closed moves packages whose dependencies are in a later batch from now to later, because a batch is configured as a whole.
// If nothing would remain, it leaves now unchanged.
func (c *choice) closed(now, later []*pkg, done map[string]bool) (_, _ []*pkg) {
	keep := map[string]bool{}
	for _, p := range now {
		keep[p.Name] = true
	}
	for changed := true; changed; {
		changed = false
		for _, p := range now {
			if keep[p.Name] && !c.configurable(p, keep, done) {
				keep[p.Name], changed = false, true
			}
		}
	}
	var in, out []*pkg
	for _, p := range now {
		if keep[p.Name] {
			in = append(in, p)
		} else {
			out = append(out, p)
		}
	}
	if in == nil {
		return now, later
	}
	return in, append(out, later...)
}

func (c *choice) configurable(p *pkg, batch, done map[string]bool) bool {
	wanted, _ := p.wants()
	for _, alts := range wanted {
		if q := c.pick(alts); q != nil && !batch[q.Name] && !done[q.Name] {
			return false
		}
	}
	return true
}

func alternatives(alts []relation) string {
	var words []string
	for _, r := range alts {
		words = append(words, r.String())
	}
	return strings.Join(words, " or ")
}

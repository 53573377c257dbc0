package catalog

import (
	"slices"
	"strings"

	"cuelang.org/go/cue/ast"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// wishes is the position that a provider asks for: the names in its fields before, after and replaces.
type wishes struct{ before, after, replaces []wish }

// wish is one such name and its position in the file.
type wish struct {
	name string
	at   fault.Pos
}

// wishes reads the fields before, after and replaces, which must be literal.
func (s *syntax) wishes() (w wishes, err error) {
	for _, f := range []struct {
		name string
		into *[]wish
	}{{"before", &w.before}, {"after", &w.after}, {"replaces", &w.replaces}} {
		for _, d := range s.top[f.name] {
			list, ok := d.Value.(*ast.ListLit)
			if !ok {
				return w, fault.New(fault.Refused, "%s must be a literal list of provider names", f.name).WithPos(position(d))
			}
			for _, x := range list.Elts {
				v, _ := plain(x)
				name, ok := v.(string)
				if !ok {
					return w, fault.New(fault.Refused, "%s must be a literal list of provider names", f.name).WithPos(position(x))
				}
				*f.into = append(*f.into, wish{name, position(x)})
			}
		}
	}
	return w, nil
}

// free reports whether the provider declares its own position.
func (p *Provider) free() bool { return len(p.wishes.before)+len(p.wishes.after) > 0 }

// Stands describes the position that the provider declares, such as "after ruby, before node", or returns "" if it declares none.
func (p *Provider) Stands() string {
	var parts []string
	say := func(word string, list []wish) {
		var names []string
		for _, w := range list {
			names = append(names, w.name)
		}
		if len(names) > 0 {
			parts = append(parts, word+" "+strings.Join(names, " and "))
		}
	}
	say("after", p.wishes.after)
	say("before", p.wishes.before)
	say("in place of", p.wishes.replaces)
	return strings.Join(parts, ", ")
}

// arrange sorts the providers as they declare. Providers without a declaration keep their relative order. A provider that
// only replaces others takes the place of the first of them.
func (c *Catalog) arrange() error {
	if !slices.ContainsFunc(c.list, func(p *Provider) bool { return p.free() || len(p.wishes.replaces) > 0 }) {
		return nil
	}
	if err := c.known(); err != nil {
		return err
	}
	if err := c.replace(); err != nil {
		return err
	}
	g := c.graph()
	var order []*Provider
	for len(order) < len(c.list) {
		i := slices.IndexFunc(c.list, func(p *Provider) bool { return !slices.Contains(order, p) && g.ready(p, order) })
		if i < 0 {
			return g.circle(slices.DeleteFunc(slices.Clone(c.list), func(p *Provider) bool { return slices.Contains(order, p) }))
		}
		order = append(order, c.list[i])
	}
	c.list = order
	return nil
}

// known refuses names of providers that do not exist.
func (c *Catalog) known() error {
	for _, p := range c.list {
		for _, w := range slices.Concat(p.wishes.before, p.wishes.after, p.wishes.replaces) {
			if _, ok := c.Get(w.name); !ok {
				return fault.New(fault.Refused, "provider %s: there is no provider called %q", p.Name, w.name).WithPos(w.at).
					WithHint("%s", fault.DidYouMean(w.name, c.Names()))
			}
		}
	}
	return nil
}

// replace records which provider replaces which, and moves the replacement to the place of the first one it replaces.
func (c *Catalog) replace() error {
	c.replaced = map[string]string{}
	for _, p := range slices.Clone(c.list) {
		for i, w := range p.wishes.replaces {
			for by, ok := p.Name, true; ok; by, ok = c.replaced[by] {
				if by == w.name {
					return fault.New(fault.Refused, "providers replace each other: %s and %s", p.Name, w.name).WithPos(w.at).
						WithHint("remove the name from replaces in one of them")
				}
			}
			if by, ok := c.replaced[w.name]; ok && by != p.Name {
				return fault.New(fault.Refused, "providers %s and %s both replace %s", by, p.Name, w.name).WithPos(w.at).
					WithHint("use before or after in one of them instead")
			}
			c.replaced[w.name] = p.Name
			if i == 0 && !p.free() {
				c.move(p, p.wishes.replaces)
			}
		}
	}
	return nil
}

// move moves a provider in front of the first one in of.
func (c *Catalog) move(p *Provider, of []wish) {
	c.list = slices.DeleteFunc(c.list, func(q *Provider) bool { return q == p })
	at := slices.IndexFunc(c.list, func(q *Provider) bool {
		return slices.ContainsFunc(of, func(w wish) bool { return w.name == q.Name })
	})
	c.list = slices.Insert(c.list, at, p)
}

// edge says that from is tried before to. at is the position of the declaration; its File is "" for edges from the default order.
type edge struct {
	from, to *Provider
	at       fault.Pos
}

type graph []edge

func (c *Catalog) graph() (g graph) {
	var last *Provider
	for _, p := range c.list {
		for _, w := range p.wishes.before {
			q, _ := c.Get(w.name)
			g = append(g, edge{p, q, w.at})
		}
		for _, w := range p.wishes.after {
			q, _ := c.Get(w.name)
			g = append(g, edge{q, p, w.at})
		}
		if p.free() {
			continue
		}
		if last != nil {
			g = append(g, edge{from: last, to: p})
		}
		last = p
	}
	return g
}

// ready reports whether all providers that must precede p are in the order already.
func (g graph) ready(p *Provider, order []*Provider) bool {
	return !slices.ContainsFunc(g, func(e edge) bool { return e.to == p && !slices.Contains(order, e.from) })
}

// circle returns the fault for a cycle among the remaining providers.
func (g graph) circle(left []*Provider) error {
	at := left[slices.IndexFunc(left, (*Provider).free)]
	var path []edge // each edge leads to the one before it
	for {
		i := slices.IndexFunc(g, func(e edge) bool { return e.to == at && slices.Contains(left, e.from) })
		path = append(path, g[i])
		at = g[i].from
		if first := slices.IndexFunc(path, func(e edge) bool { return e.to == at }); first >= 0 {
			path = path[first:]
			break
		}
	}
	slices.Reverse(path)
	var names []string
	f := fault.New(fault.Refused, "")
	for i, e := range path {
		before := path[(i+len(path)-1)%len(path)]
		if e.at.File != "" || before.at.File != "" { // skip providers connected only by the default order
			names = append(names, e.from.Name)
		}
		if e.at.File != "" {
			f = f.WithPos(e.at)
		}
	}
	f.Msg = "the order of providers has a cycle: " + strings.Join(append(names, names[0]), " → ")
	return f.WithHint("remove one of these names from before or after")
}

// Package catalog holds the providers: CUE packages that turn facts about an app into a plan. It reads
// them, embedded or from a directory, and evaluates one for an app.
package catalog

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"sync"

	"github.com/nixpacks-cue/nixpacks/engine/budget"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
	"github.com/nixpacks-cue/nixpacks/providers"
)

// Catalog is a set of providers in the order in which they are tried.
type Catalog struct {
	list     []*Provider
	defaults plan.Defaults
	replaced map[string]string // the provider that is tried in the place of another, by that one's name
}

// Provider is one of them.
type Provider struct {
	// Name is what the user calls it; the folder that it lies in may be called otherwise.
	Name    string
	Folder  string
	detect  Rule
	rule    map[string]any // detect as it is written
	dir     fs.FS          // that Folder is in
	label   string         // what places in dir begin with
	foreign bool           // from outside: not checked by our tests
	files   []fault.Pos    // of one that is foreign

	variables []string // settings that it asks for
	wishes    wishes
}

// sources are the provider's files.
func (p *Provider) sources() ([]Source, error) {
	return ReadSources(p.dir, p.Folder, p.path())
}

// parse gives a syntax beside the fault where that is about what others may not write.
func (p *Provider) parse() (*syntax, error) {
	from, err := p.sources()
	if err != nil {
		return nil, err
	}
	return parseSources(from, p.foreign)
}

// Text is the text of a provider's file, by the name that places in it have; nil where there is none of that name. A file
// of somebody's own comes before one of the program's.
func (c *Catalog) Text(file string) []byte {
	own := func(p *Provider) bool { return !p.foreign }
	foreign := func(p *Provider) bool { return p.foreign }
	for _, p := range slices.Concat(slices.DeleteFunc(slices.Clone(c.list), own), slices.DeleteFunc(slices.Clone(c.list), foreign)) {
		if path.Dir(file) != p.path() {
			continue
		}
		from, _ := p.sources() // they were read before
		for _, s := range from {
			if s.Name == file {
				return s.Data
			}
		}
	}
	return nil
}

// Detect is the rule by which the provider recognizes an app.
func (p *Provider) Detect() Rule { return p.detect }

// Builtin is the catalog of the providers that are part of the program.
func Builtin() (*Catalog, error) { return builtin() }

var builtin = sync.OnceValues(loadBuiltin)

func loadBuiltin() (*Catalog, error) { return loadIndexed(providers.FS, "providers") }

// Load reads the providers in the folders of a directory; name is what places in them begin with. The
// order is that of `order` in the directory's own CUE files, which name folders; folders that it does not
// name follow by name.
func Load(dir fs.FS, name string) (*Catalog, error) {
	var c *Catalog
	err := budget.New().Run(budget.Evaluation(name, fault.Pos{File: name}), func() (err error) {
		c, err = load(dir, name)
		return err
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}

func load(dir fs.FS, name string) (*Catalog, error) {
	c := &Catalog{}
	own, err := ReadSources(dir, ".", name)
	if err != nil {
		return nil, err
	}
	order, err := c.settings(own)
	if err != nil {
		return nil, err
	}
	folders, err := providerFolders(dir, name, order)
	if err != nil {
		return nil, err
	}
	for _, folder := range folders {
		p, err := loadProvider(dir, folder, name)
		if err != nil {
			return nil, err
		}
		if other, ok := c.Get(p.Name); ok {
			return nil, fault.New(fault.Refused, "folders %s and %s both hold a provider called %q", other.Folder, folder, p.Name)
		}
		c.list = append(c.list, p)
	}
	return c, nil
}

// settings reads order and defaults.
func (c *Catalog) settings(from []Source) ([]string, error) {
	if len(from) == 0 {
		return nil, nil
	}
	s, err := parseSources(from, true)
	if err != nil {
		return nil, err
	}
	if s.top["detect"] != nil {
		return nil, fault.New(fault.Usage, "this is a provider, not a directory of providers").WithPos(s.at("detect")).
			WithHint("give the directory above it")
	}
	v, err := BuildFiles(NewContext(), s.files)
	if err != nil {
		return nil, SyntaxFault(err, "order of providers")
	}
	var data struct {
		Order    []string      `json:"order"`
		Defaults plan.Defaults `json:"defaults"`
	}
	if err := v.Decode(&data); err != nil {
		return nil, SyntaxFault(err, "order of providers")
	}
	c.defaults = data.Defaults
	return data.Order, nil
}

// providerFolders are the folders that hold a package, in order.
func providerFolders(dir fs.FS, name string, order []string) ([]string, error) {
	ents, err := fs.ReadDir(dir, ".")
	if err != nil {
		return nil, fault.Wrap(fault.Usage, err, "cannot list %s", name)
	}
	var found []string
	for _, e := range ents {
		if e.Name() == "cue.mod" { // says that the directory is a module
			continue
		}
		if files, err := fs.Glob(dir, e.Name()+"/*.cue"); err == nil && len(files) > 0 {
			found = append(found, e.Name())
		}
	}
	for _, o := range order {
		if !slices.Contains(found, o) {
			return nil, fault.New(fault.Refused, "%s: order names %q, and there is no such folder", name, o)
		}
	}
	for _, f := range found {
		if !slices.Contains(order, f) {
			order = append(order, f)
		}
	}
	return order, nil
}

func loadProvider(dir fs.FS, folder, label string) (*Provider, error) {
	p := &Provider{Folder: folder, dir: dir, label: label, foreign: true}
	s, err := p.parse()
	if s == nil {
		return nil, err
	}
	if err := errors.Join(err, s.checkTop()); err != nil {
		return nil, err
	}
	for _, f := range s.files {
		p.files = append(p.files, fault.Pos{File: f.Filename})
	}
	if name, ok := s.single("name"); ok {
		p.Name, _ = name.(string)
	}
	if p.Name == "" {
		return nil, fault.New(fault.Refused, "a provider needs a literal name").WithPos(s.at("name"))
	}
	if s.schema {
		if err := p.checkSchema(); err != nil {
			return nil, err
		}
	}
	p.variables = s.variables()
	if p.wishes, err = s.wishes(); err != nil {
		return nil, err
	}
	rule, ok := s.single("detect")
	if !ok {
		return nil, fault.New(fault.Refused, "provider %s: detect must be literal data", p.Name).WithPos(s.at("detect"))
	}
	p.rule, _ = rule.(map[string]any)
	if p.detect, err = parseRule(rule); err != nil {
		return nil, fault.New(fault.Refused, "provider %s: detect: %v", p.Name, err).WithPos(s.at("detect"))
	}
	return p, nil
}

// single reads a literal that is declared once at the top of the package.
func (s *syntax) single(name string) (any, bool) {
	if d := s.top[name]; len(d) == 1 {
		return plain(d[0].Value)
	}
	return nil, false
}

// Names are the providers' names in the order in which they are tried.
func (c *Catalog) Names() []string {
	out := make([]string, len(c.list))
	for i, p := range c.list {
		out[i] = p.Name
	}
	return out
}

// Get finds a provider by its name.
func (c *Catalog) Get(name string) (*Provider, bool) {
	for _, p := range c.list {
		if p.Name == name {
			return p, true
		}
	}
	return nil, false
}

// Defaults are the values for what a plan leaves open (providers/defaults.cue).
func (c *Catalog) Defaults() plan.Defaults { return c.defaults }

// Replaced tells which provider is tried in the place of the named one; "" for none. That one can still be named, and be
// asked by others.
func (c *Catalog) Replaced(name string) string { return c.replaced[name] }

// Tried are the providers that may detect an app, in their order.
func (c *Catalog) Tried() []*Provider {
	return slices.DeleteFunc(slices.Clone(c.list), func(p *Provider) bool { return c.replaced[p.Name] != "" || p.detect.Never() })
}

// Beside is the catalog with the providers of each extra in turn, as With has them, and then where they themselves say that
// they stand. It is a fault (Refused) where that cannot be.
func (c *Catalog) Beside(extra ...*Catalog) (*Catalog, error) {
	out := c
	for _, x := range extra {
		out = out.With(x)
	}
	return out, out.arrange()
}

// With is the catalog with the providers of extra: one whose name is known takes that one's place, the others are tried before
// all.
func (c *Catalog) With(extra *Catalog) *Catalog {
	out := &Catalog{defaults: c.defaults}
	for _, p := range extra.list {
		if _, known := c.Get(p.Name); !known {
			out.list = append(out.list, p)
		}
	}
	for _, p := range c.list {
		if q, ok := extra.Get(p.Name); ok {
			p = q
		}
		out.list = append(out.list, p)
	}
	return out
}

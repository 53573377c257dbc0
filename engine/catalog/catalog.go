// Package catalog holds the providers: CUE packages that turn facts about an app into a plan. It loads
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

// Catalog is a list of providers in the order in which they are tried.
type Catalog struct {
	list     []*Provider
	defaults plan.Defaults
	replaced map[string]string // from a provider's name to the one that replaces it
}

// Provider is a provider of a catalog.
type Provider struct {
	// Name is the name that users see. The folder may be named differently.
	Name    string
	Folder  string
	detect  Rule
	rule    map[string]any // detect as plain data, as written
	dir     fs.FS          // contains Folder
	label   string         // file prefix of positions in dir
	foreign bool           // not built in, so not checked by our tests
	files   []fault.Pos    // its files, if foreign

	variables []string // the NIXPACKS_ variables that it asks for
	wishes    wishes
}

// sources reads the provider's files.
func (p *Provider) sources() ([]Source, error) {
	return ReadSources(p.dir, p.Folder, p.path())
}

// parse parses the provider. It returns the syntax together with a fault if a foreign provider uses CUE that it must not use.
func (p *Provider) parse() (*syntax, error) {
	from, err := p.sources()
	if err != nil {
		return nil, err
	}
	return parseSources(from, p.foreign)
}

// Text returns the text of a provider's file, by the file name in positions, or nil if there is none. A foreign
// file takes precedence over a built-in one.
func (c *Catalog) Text(file string) []byte {
	own := func(p *Provider) bool { return !p.foreign }
	foreign := func(p *Provider) bool { return p.foreign }
	for _, p := range slices.Concat(slices.DeleteFunc(slices.Clone(c.list), own), slices.DeleteFunc(slices.Clone(c.list), foreign)) {
		if path.Dir(file) != p.path() {
			continue
		}
		from, _ := p.sources() // an error was reported when they were loaded
		for _, s := range from {
			if s.Name == file {
				return s.Data
			}
		}
	}
	return nil
}

// Detect returns the rule by which the provider recognizes an app.
func (p *Provider) Detect() Rule { return p.detect }

// Builtin returns the catalog of the providers that are part of the program.
func Builtin() (*Catalog, error) { return builtin() }

var builtin = sync.OnceValues(loadBuiltin)

func loadBuiltin() (*Catalog, error) { return loadIndexed(providers.FS, "providers") }

// Load loads the providers in the folders of a directory. name is the file prefix of positions. The providers are in the
// order of the field `order` in the directory's own CUE files, which names folders. Folders that it does not
// name follow, sorted by name.
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
			return nil, fault.New(fault.Refused, "folders %s and %s both contain a provider called %q", other.Folder, folder, p.Name)
		}
		c.list = append(c.list, p)
	}
	return c, nil
}

// settings reads the fields order and defaults.
func (c *Catalog) settings(from []Source) ([]string, error) {
	if len(from) == 0 {
		return nil, nil
	}
	s, err := parseSources(from, true)
	if err != nil {
		return nil, err
	}
	if s.top["detect"] != nil {
		return nil, fault.New(fault.Usage, "this is a provider, not a folder of providers").WithPos(s.at("detect")).
			WithHint("give its parent folder")
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

// providerFolders returns the folders that hold a CUE package, in order.
func providerFolders(dir fs.FS, name string, order []string) ([]string, error) {
	ents, err := fs.ReadDir(dir, ".")
	if err != nil {
		return nil, fault.Wrap(fault.Usage, err, "cannot list %s", name)
	}
	var found []string
	for _, e := range ents {
		if e.Name() == "cue.mod" { // marks the directory as a CUE module
			continue
		}
		if files, err := fs.Glob(dir, e.Name()+"/*.cue"); err == nil && len(files) > 0 {
			found = append(found, e.Name())
		}
	}
	for _, o := range order {
		if !slices.Contains(found, o) {
			return nil, fault.New(fault.Refused, "%s: order lists %q, but there is no such folder", name, o)
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
		return nil, fault.New(fault.Refused, "a provider needs a name that is a string literal").WithPos(s.at("name"))
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

// single returns the value of a top-level name that is declared once, as a literal.
func (s *syntax) single(name string) (any, bool) {
	if d := s.top[name]; len(d) == 1 {
		return plain(d[0].Value)
	}
	return nil, false
}

// Names returns the providers' names in the order in which they are tried.
func (c *Catalog) Names() []string {
	out := make([]string, len(c.list))
	for i, p := range c.list {
		out[i] = p.Name
	}
	return out
}

// Get returns a provider by name.
func (c *Catalog) Get(name string) (*Provider, bool) {
	for _, p := range c.list {
		if p.Name == name {
			return p, true
		}
	}
	return nil, false
}

// Defaults returns the values for fields that a plan leaves open (providers/defaults.cue).
func (c *Catalog) Defaults() plan.Defaults { return c.defaults }

// Replaced returns the provider that is tried in place of the named one, or "". A replaced provider can still be named by
// users and asked by other providers.
func (c *Catalog) Replaced(name string) string { return c.replaced[name] }

// Tried returns the providers that may detect an app, in order.
func (c *Catalog) Tried() []*Provider {
	return slices.DeleteFunc(slices.Clone(c.list), func(p *Provider) bool { return c.replaced[p.Name] != "" || p.detect.Never() })
}

// Beside adds the providers of each extra catalog in turn, see With, and then moves those that declare their position.
// A position that cannot be satisfied is a fault (Refused).
func (c *Catalog) Beside(extra ...*Catalog) (*Catalog, error) {
	out := c
	for _, x := range extra {
		out = out.With(x)
	}
	return out, out.arrange()
}

// With adds the providers of extra. One whose name exists already replaces that provider in place. The others are tried
// before all existing ones.
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

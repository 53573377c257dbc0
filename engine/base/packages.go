package base

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

// indexFields are the fields that packageSet.add reads.
var indexFields = []string{"package", "version", "architecture", "essential", "priority", "filename", "size", "sha256",
	"depends", "pre-depends", "provides", "conflicts", "breaks"}

// pkg is one package of an archive.
type pkg struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Arch    string `json:"architecture"`
	SHA256  string `json:"sha256"`

	size      int64
	address   string
	essential bool
	priority  int // lower is more important
	provides  []relation

	// Unparsed, as in the index, because most packages are never used.
	depends, preDepends, conflicts, breaks string
}

// packageSet holds the newest version of each package from one or more suites.
type packageSet struct {
	byName    map[string]*pkg
	providers map[string][]*pkg // by virtual name; filled by index
}

func newPackageSet() *packageSet { return &packageSet{byName: map[string]*pkg{}} }

var priorities = []string{"required", "important", "standard", "optional", "extra"}

// add adds a paragraph of a Packages file from the archive at uri.
func (s *packageSet) add(p stanza, uri string) error {
	name, file := p["package"], path.Clean("/"+p["filename"])
	size, err := strconv.ParseInt(p["size"], 10, 64)
	if name == "" || p["version"] == "" || p["filename"] == "" || err != nil || len(p["sha256"]) != 64 {
		return fmt.Errorf("the package %q lacks a version, file name, size or SHA-256", name)
	}
	if old := s.byName[name]; old != nil && compareVersions(old.Version, p["version"]) >= 0 {
		return nil
	}
	n := &pkg{
		Name: name, Version: p["version"], Arch: p["architecture"], SHA256: strings.ToLower(p["sha256"]),
		size: size, address: uri + file, essential: p["essential"] == "yes",
		priority: slices.Index(priorities, p["priority"]),
		depends:  p["depends"], preDepends: p["pre-depends"], conflicts: p["conflicts"], breaks: p["breaks"],
	}
	if n.priority < 0 {
		n.priority = len(priorities)
	}
	if p["provides"] != "" {
		groups, err := parseRelations(p["provides"])
		if err != nil {
			return fmt.Errorf("the Provides field of package %s: %w", name, err)
		}
		for _, g := range groups {
			n.provides = append(n.provides, g...)
		}
	}
	s.byName[name] = n
	return nil
}

// index fills providers. Call it after the last add.
func (s *packageSet) index() {
	s.providers = map[string][]*pkg{}
	for _, p := range s.byName {
		for _, v := range p.provides {
			s.providers[v.name] = append(s.providers[v.name], p)
		}
	}
	for _, ps := range s.providers {
		slices.SortFunc(ps, func(a, b *pkg) int {
			if a.priority != b.priority {
				return a.priority - b.priority
			}
			return strings.Compare(a.Name, b.Name)
		})
	}
}

// fits reports whether p satisfies r, by its own name or by its Provides.
func (p *pkg) fits(r relation, arch string) bool {
	if r.arch != "" && r.arch != "any" && r.arch != "native" && r.arch != "all" && r.arch != arch {
		return false
	}
	if p.Name == r.name && r.admits(p.Version) {
		return true
	}
	return slices.ContainsFunc(p.provides, func(v relation) bool { return v.name == r.name && r.admits(v.version) })
}

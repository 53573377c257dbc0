package base

import (
	"slices"
	"strings"
)

// Deb is a Debian package of an archive.
type Deb struct {
	Name, Version, URL, SHA256 string
}

// Missing returns the Debian packages that apt would download to install names on a cached base: the packages and those of
// their dependencies that the base lacks. It uses the lists of packages that the base was built from, without network access.
// ok is false if these lists are not in the cache any more or lack one of the names.
func Missing(req Request, names []string) (debs []Deb, ok bool) {
	d, err := newDebian(req)
	if err != nil {
		return nil, false
	}
	c := &cache{dir: d.CacheDir, id: d.id(), arch: d.Arch}
	r := readRecord(c.path(namesDir, c.id+".json"))
	if r.Key == "" || len(r.Lists) != len(r.Sources) {
		return nil, false
	}
	set := newPackageSet()
	for i, list := range r.Lists {
		sum, suffix, _ := strings.Cut(list, ".")
		if suffix != "" {
			suffix = "." + suffix
		}
		if err := readIndex(c.path(downloadsDir, sum), suffix, func(p stanza) error { return set.add(p, r.Sources[i].URI) }); err != nil {
			return nil, false
		}
	}
	set.index()
	has := map[string]bool{}
	var all []string
	for _, p := range r.Packages {
		has[p.Name] = true
		all = append(all, p.Name)
	}
	for _, n := range names {
		all = append(all, strings.FieldsFunc(n, func(r rune) bool { return strings.ContainsRune("=/:", r) })[0])
	}
	chosen, err := choose(set, d.debianArch(), all)
	if err != nil {
		return nil, false
	}
	for _, p := range chosen.sorted() {
		if !has[p.Name] {
			debs = append(debs, Deb{p.Name, p.Version, p.address, p.SHA256})
		}
	}
	return slices.Clip(debs), true
}

// Index returns the address of the index that the request's base would be built from, as far as it is known without the
// network, or "" for a base without an index.
func Index(req Request) string {
	if !strings.HasPrefix(req.Ref, debianScheme) {
		return ""
	}
	d, err := newDebian(req)
	if err != nil {
		return ""
	}
	uri := d.Mirror
	if from := mainSources(d.host, d.suite); uri == "" && len(from) > 0 {
		uri = from[0].URI
	}
	if uri == "" {
		return ""
	}
	return redact(uri) + "/dists/" + d.suite + "/InRelease"
}

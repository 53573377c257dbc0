package base

import "strings"

// PackagesOf is a hash of the packages that a base in the cache is made of: their names, versions and contents. It is the same
// on every machine, whatever mirror they came from; "" for a base that is made of none, or is not in the cache.
func PackagesOf(req Request) string {
	if !strings.HasPrefix(req.Ref, debianScheme) {
		return ""
	}
	d, err := newDebian(req)
	if err != nil {
		return ""
	}
	c := &cache{dir: d.CacheDir, id: d.id(), arch: d.Arch}
	r := readRecord(c.path(namesDir, c.id+".json"))
	if r.Key == "" || len(r.Packages) == 0 {
		return ""
	}
	return "sha256:" + hashOf(r.Packages)
}

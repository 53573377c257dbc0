package base

import (
	"cmp"
	"strings"
)

// PackagesOf returns a hash of the packages of a cached base: their names, versions and contents. The hash is the same
// on every machine and for every mirror. date, in DateForm, is when the archive had these packages. Both are "" for a base that
// has no Debian packages or is not in the cache.
func PackagesOf(req Request) (hash, date string) {
	if !strings.HasPrefix(req.Ref, debianScheme) {
		return "", ""
	}
	d, err := newDebian(req)
	if err != nil {
		return "", ""
	}
	c := &cache{dir: d.CacheDir, id: d.id(), arch: d.Arch}
	r := readRecord(c.path(namesDir, c.id+".json"))
	if r.Key == "" || len(r.Packages) == 0 {
		return "", ""
	}
	date = r.Made.UTC().Format(DateForm)
	if d.frozen() {
		date = cmp.Or(d.Date, date)
	}
	return "sha256:" + hashOf(r.Packages), date
}

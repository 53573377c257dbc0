package base

import (
	"cmp"
	"strings"
)

// PackagesOf is a hash of the packages that a base in the cache is made of: their names, versions and contents. It is the same
// on every machine, whatever mirror they came from. The date, in DateForm, is when the archive had them. Both are "" for a base that is
// made of none, or is not in the cache.
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

package base

import (
	"fmt"
	"strings"

	version "github.com/knqyf263/go-deb-version"

	"github.com/nixpacks-cue/nixpacks/engine/lazy"
)

// relation is one "name:arch (op version)" of a Depends, Conflicts or Provides field.
type relation struct {
	name, arch  string
	op, version string
}

var relationForm = lazy.Regexp(
	`^([a-z0-9][a-z0-9+.-]*)(?::([a-z0-9-]+))?(?:\s*\(\s*(<<|<=|=|>=|>>)\s*([^\s)]+)\s*\))?$`)

func (r relation) String() string {
	s := r.name
	if r.arch != "" {
		s += ":" + r.arch
	}
	if r.op != "" {
		s += " (" + r.op + " " + r.version + ")"
	}
	return s
}

// parseRelations parses a field such as "a (>= 1), b | c:any". The outer list is a conjunction, the inner lists are alternatives.
func parseRelations(field string) ([][]relation, error) {
	var all [][]relation
	for group := range strings.SplitSeq(field, ",") {
		if strings.TrimSpace(group) == "" {
			continue
		}
		var alts []relation
		for alt := range strings.SplitSeq(group, "|") {
			m := relationForm().FindStringSubmatch(strings.TrimSpace(alt))
			if m == nil {
				return nil, fmt.Errorf("%q is not a valid package relation", strings.TrimSpace(alt))
			}
			alts = append(alts, relation{name: m[1], arch: m[2], op: m[3], version: m[4]})
		}
		all = append(all, alts)
	}
	return all, nil
}

// admits reports whether version v satisfies the relation. v is "" for an unversioned Provides, which satisfies
// no versioned relation.
func (r relation) admits(v string) bool {
	if r.op == "" {
		return true
	}
	if v == "" {
		return false
	}
	c := compareVersions(v, r.version)
	switch r.op {
	case "<<":
		return c < 0
	case "<=":
		return c <= 0
	case "=":
		return c == 0
	case ">=":
		return c >= 0
	}
	return c > 0
}

// compareVersions orders versions as dpkg does. Invalid versions sort before all valid ones.
func compareVersions(a, b string) int {
	va, errA := version.NewVersion(a)
	vb, errB := version.NewVersion(b)
	switch {
	case errA != nil && errB != nil:
		return strings.Compare(a, b)
	case errA != nil:
		return -1
	case errB != nil:
		return 1
	}
	return va.Compare(vb)
}

package lock

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strings"

	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// applyApt writes into a plan the hashes of what apt is to take, for all architectures that the lock has.
func (l *Lock) applyApt(p *plan.Plan) {
	for _, s := range p.AptSets() {
		for key, pin := range l.Apt {
			if _, said := p.AptHashes[key]; said || !s.IsKey(key) {
				continue
			}
			p.AptHashes = maps.Clone(p.AptHashes)
			if p.AptHashes == nil {
				p.AptHashes = map[string]string{}
			}
			p.AptHashes[key] = pin.Hash
		}
	}
}

// AptHashes are those of the sets of Debian packages by their keys, as plans have them.
func (l *Lock) AptHashes() map[string]string {
	out := map[string]string{}
	for key, pin := range l.Apt {
		out[key] = pin.Hash
	}
	return out
}

// hasApt tells whether a set of Debian packages is pinned for some architecture. For which one a build is, it says itself.
func (l *Lock) hasApt(s plan.AptSet) bool {
	for key := range l.Apt {
		if s.IsKey(key) {
			return true
		}
	}
	return false
}

// PinApt pins the set of Debian packages with a key to what apt takes: a line for each package, as plan2llb.SurveyFile has them, on
// a date.
func (l *Lock) PinApt(key string, taken []byte, date string) {
	sum := sha256.Sum256(taken)
	pin := Apt{Hash: "sha256:" + hex.EncodeToString(sum[:]), Date: date, Packages: map[string]string{}}
	var lines [][]string
	times := map[string]int{}
	for line := range strings.Lines(string(taken)) {
		if words := strings.Fields(line); len(words) == 4 {
			lines = append(lines, words)
			times[words[0]]++
		}
	}
	for _, words := range lines {
		name := words[0]
		if times[name] > 1 { // of several architectures
			name += ":" + words[2]
		}
		pin.Packages[name] = words[1]
	}
	if l.Apt == nil {
		l.Apt = map[string]Apt{}
	}
	l.Apt[key] = pin
}

// addApt pins what another lock pins, as Add does. What apt takes still, it took on the day that is pinned.
func (l *Lock) addApt(found map[string]Apt, inPlace bool) {
	for key, pin := range found {
		if l.Apt == nil {
			l.Apt = map[string]Apt{}
		}
		if was, ok := l.Apt[key]; !ok || inPlace && was.Hash != pin.Hash {
			l.Apt[key] = pin
		}
	}
}

// AptMoves says in words what apt takes otherwise in another lock, of the sets that both have, a line each.
func (l *Lock) AptMoves(next *Lock) (lines []string) {
	for _, key := range slices.Sorted(maps.Keys(next.Apt)) {
		was, is := l.Apt[key], next.Apt[key]
		if was.Hash == "" || was.Hash == is.Hash {
			continue
		}
		lines = append(lines, aptName(key)+", pinned as of "+was.Date+":")
		lines = append(lines, aptChanges(was, is)...)
	}
	return lines
}

// aptName is a set of Debian packages in words.
func aptName(key string) string {
	words := strings.SplitN(key, " ", 3)
	return "the Debian packages " + words[2] + " on " + words[0] + " for " + words[1]
}

// aptOf is the set with a name.
func (l *Lock) aptOf(name string) Apt {
	for key, pin := range l.Apt {
		if aptName(key) == name {
			return pin
		}
	}
	return Apt{}
}

// aptChanges says of each package that is another one what it is and was, a line each.
func aptChanges(was, is Apt) (lines []string) {
	names := maps.Clone(was.Packages)
	if names == nil {
		names = map[string]string{}
	}
	maps.Copy(names, is.Packages)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		before, had := was.Packages[name]
		now, has := is.Packages[name]
		switch {
		case !had:
			lines = append(lines, "  added    "+name+" "+now)
		case !has:
			lines = append(lines, "  removed  "+name+" "+before)
		case before != now:
			lines = append(lines, "  changed  "+name+" "+now+", which was "+before)
		}
	}
	if lines == nil && was.Hash != is.Hash {
		lines = append(lines, "  packages of the same versions are other files")
	}
	return lines
}

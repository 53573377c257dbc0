package lock

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strings"

	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// applyApt writes into a plan the hashes of what apt should install, for all architectures in the lock.
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

// AptHashes returns the hashes of the sets of Debian packages, by their keys, in the form of plan.Plan.AptHashes.
func (l *Lock) AptHashes() map[string]string {
	out := map[string]string{}
	for key, pin := range l.Apt {
		out[key] = pin.Hash
	}
	return out
}

// hasApt reports whether a set of Debian packages is pinned for some architecture. The build checks its own.
func (l *Lock) hasApt(s plan.AptSet) bool {
	for key := range l.Apt {
		if s.IsKey(key) {
			return true
		}
	}
	return false
}

// PinApt pins the set of Debian packages with this key to what apt installed on a date. taken has a line for each
// package, in the form of plan2llb.SurveyFile.
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
		if times[name] > 1 { // it is installed for several architectures
			name += ":" + words[2]
		}
		pin.Packages[name] = words[1]
	}
	if l.Apt == nil {
		l.Apt = map[string]Apt{}
	}
	l.Apt[key] = pin
}

// addApt adds the pins of another lock, as Add does. Sets that did not change keep their date.
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

// AptMoves describes what changes in next in the sets that both locks have, one change per line.
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

// aptName describes a set of Debian packages.
func aptName(key string) string {
	words := strings.SplitN(key, " ", 3)
	return "the Debian packages " + words[2] + " on " + words[0] + " for " + words[1]
}

// aptOf returns the set with a description of aptName.
func (l *Lock) aptOf(name string) Apt {
	for key, pin := range l.Apt {
		if aptName(key) == name {
			return pin
		}
	}
	return Apt{}
}

// aptChanges describes the packages that differ, one per line.
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
		lines = append(lines, "  same package versions, but different files")
	}
	return lines
}

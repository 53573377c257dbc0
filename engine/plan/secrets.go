package plan

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/nixpacks-cue/nixpacks/engine/lazy"
)

// Ask is something of the machine that builds, a secret or an agent of SSH keys, that phases ask for by its id.
type Ask struct {
	ID       string
	Optional bool     // no phase needs it: each wrote "ID?"
	Phases   []string // that ask, sorted
	Variable bool     // some phase sees it as a variable
}

// AptAuth is the id of the secret that steps which install Debian packages are given: logins, as apt's auth.conf has them. Phases
// with such packages ask for it.
const AptAuth = "apt-auth"

// NixAuth is the id of the secret that steps which install Nix packages are given: logins, as netrc has them. Phases with such
// packages ask for it.
const NixAuth = "nix-auth"

// ReadAsk splits an id as phases write it: "ID?" is one that may be missing.
func ReadAsk(s string) (id string, optional bool) { return strings.CutSuffix(s, "?") }

var variableForm = lazy.Regexp(`^[A-Za-z_][A-Za-z0-9_]*$`)

// IsVariable tells whether the secret of an id is a variable of that name, too, for those who see it.
func IsVariable(id string) bool { return variableForm().MatchString(id) }

// AskedSecrets are the secrets that phases ask for, credentials among them, sorted by id.
func (p *Plan) AskedSecrets() []Ask {
	asks := p.asks(func(ph *Phase) []string {
		ids := slices.Clone(ph.Secrets)
		for id, place := range ph.Credentials {
			if place != "" {
				ids = append(ids, id+"?")
			}
		}
		if len(ph.AptPkgs) > 0 {
			ids = append(ids, AptAuth+"?")
		}
		if len(ph.NixPkgs)+len(ph.NixLibs) > 0 {
			ids = append(ids, NixAuth+"?")
		}
		return ids
	})
	for i := range asks {
		asks[i].Variable = p.sees(asks[i].ID)
	}
	return asks
}

// sees tells whether a phase sees a secret as a variable.
func (p *Plan) sees(id string) bool {
	for _, ph := range p.Phases {
		if _, isVariable := Place(ph.Credentials[id]); isVariable {
			return true
		}
		if IsVariable(id) && (slices.Contains(ph.Secrets, id) || slices.Contains(ph.Secrets, id+"?")) {
			return true
		}
	}
	return false
}

// Place is where commands find a credential: the file at that absolute path, or the variable of that name. The home that
// "~/" stands for is root's.
func Place(s string) (at string, isVariable bool) {
	if name, ok := strings.CutPrefix(s, "$"); ok {
		return name, true
	}
	if below, ok := strings.CutPrefix(s, "~/"); ok {
		return "/root/" + below, false
	}
	return s, false
}

// AskedSSH are the agents of SSH keys that phases ask for, sorted by id.
func (p *Plan) AskedSSH() []Ask {
	return p.asks(func(ph *Phase) []string {
		if ph.SSH == "" {
			return nil
		}
		return []string{ph.SSH}
	})
}

func (p *Plan) asks(of func(*Phase) []string) []Ask {
	byID := map[string]*Ask{}
	for _, name := range slices.Sorted(maps.Keys(p.Phases)) {
		for _, s := range of(p.Phases[name]) {
			id, optional := ReadAsk(s)
			a := byID[id]
			if a == nil {
				a = &Ask{ID: id, Optional: true}
				byID[id] = a
			}
			a.Optional = a.Optional && optional
			if !slices.Contains(a.Phases, name) {
				a.Phases = append(a.Phases, name)
			}
		}
	}
	var out []Ask
	for _, a := range byID {
		out = append(out, *a)
	}
	slices.SortFunc(out, func(a, b Ask) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// SecretNames tell secrets by the names of variables, in which * stands for any text.
type SecretNames struct {
	Names  []string `json:"names,omitempty"`
	Except []string `json:"except,omitempty"` // of those
}

// Suspect tells whether a variable of this name looks like a secret.
func (s SecretNames) Suspect(name string) bool {
	name = strings.ToUpper(name)
	return Matches(s.Names, name) && !Matches(s.Except, name)
}

package plan

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/nixpacks-cue/nixpacks/engine/lazy"
)

// Ask is a secret or an SSH agent of the client's machine that phases request by its id.
type Ask struct {
	ID       string
	Optional bool     // every phase wrote "ID?"
	Phases   []string // the phases that request it, sorted
	Variable bool     // some phase sees it as a variable
}

// AptAuth is the id of the secret for steps that install Debian packages: credentials in the format of apt's auth.conf.
// Phases with Debian packages request it.
const AptAuth = "apt-auth"

// NixAuth is the id of the secret for steps that install Nix packages: credentials in the format of netrc. Phases with
// Nix packages request it.
const NixAuth = "nix-auth"

// ReadAsk parses an id as phases write it: "ID?" is optional.
func ReadAsk(s string) (id string, optional bool) { return strings.CutSuffix(s, "?") }

var variableForm = lazy.Regexp(`^[A-Za-z_][A-Za-z0-9_]*$`)

// IsVariable reports whether a secret with this id is also a variable of that name.
func IsVariable(id string) bool { return variableForm().MatchString(id) }

// AskedSecrets returns the secrets that phases request, credentials included, sorted by id.
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

// sees reports whether some phase sees the secret as a variable.
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

// Place parses the place of a credential: a variable's name, or the absolute path of a file. "~/" is root's home.
func Place(s string) (at string, isVariable bool) {
	if name, ok := strings.CutPrefix(s, "$"); ok {
		return name, true
	}
	if below, ok := strings.CutPrefix(s, "~/"); ok {
		return "/root/" + below, false
	}
	return s, false
}

// AskedSSH returns the SSH agents that phases request, sorted by id.
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

// SecretNames recognize secrets by the names of variables. In the patterns * stands for any text.
type SecretNames struct {
	Names  []string `json:"names,omitempty"`
	Except []string `json:"except,omitempty"` // exceptions from Names
}

// Suspect reports whether a variable of this name looks like a secret.
func (s SecretNames) Suspect(name string) bool {
	name = strings.ToUpper(name)
	return Matches(s.Names, name) && !Matches(s.Except, name)
}

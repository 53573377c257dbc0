package catalog

import (
	"slices"

	"github.com/nixpacks-cue/nixpacks/engine/facts"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// AsksPackages is the Asks of the only basis that is not a fact about the app: whether packages come from Nix or Debian.
const AsksPackages = "the package source"

// Basis is a fact, or a part of one, that a value of a provider's plan depends on.
type Basis struct {
	Provider string   `json:"provider"`
	Fact     string   `json:"fact"`          // its name in the provider
	Key      []string `json:"key,omitempty"` // the path of keys in a parsed file
	Asks     string   `json:"asks"`          // the question in words, such as the name of a file
	Found    bool     `json:"found"`
	Value    any      `json:"value,omitempty"` // the value found, unless it only says that something exists
	// At lists the positions in the app's files where the value was read, at most the first few.
	At []fault.Pos `json:"at,omitempty"`
	// Variable is the name of the environment variable that the value comes from, or "".
	Variable string `json:"variable,omitempty"`
}

// bases returns the facts behind uses without duplicates. A fact that asks another provider is replaced by that one's facts.
func (e *evaluator) bases(uses []use) ([]Basis, error) {
	var out []Basis
	add := func(b Basis) {
		if b.Asks != "" && !slices.ContainsFunc(out, func(o Basis) bool {
			return o.Provider == b.Provider && o.Fact == b.Fact && slices.Equal(o.Key, b.Key)
		}) {
			out = append(out, b)
		}
	}
	deeper := map[string]bool{}
	for _, u := range uses {
		deeper[u.fact] = deeper[u.fact] || len(u.key(e.asked[u.fact])) > 0
	}
	for _, u := range uses {
		q, key := e.asked[u.fact], u.key(e.asked[u.fact])
		switch {
		case u.fact == "packages":
			add(Basis{Provider: e.provider.Name, Fact: u.fact, Asks: AsksPackages, Found: true, Value: e.env.Packages})
		case q.Kind == "provider" && len(u.path) > 1 && u.path[0] == "value":
			more, err := e.done[e.another(q.Args[0])].evaluation.Rests(u.path[1], u.path[2:]...)
			if err != nil {
				return nil, err
			}
			for _, b := range more {
				add(b)
			}
		case len(key) > 0 || !deeper[u.fact]:
			add(e.basis(u.fact, q, key))
		}
	}
	return out, nil
}

// key returns the path of keys that is used of a parsed file.
func (u use) key(q facts.Question) []string {
	if facts.Parsed(q) && len(u.path) > 1 && u.path[0] == "value" {
		return u.path[1:]
	}
	return nil
}

func (e *evaluator) basis(name string, q facts.Question, key []string) Basis {
	answer := e.answers[name]
	b := Basis{Provider: e.provider.Name, Fact: name, Asks: q.Words(), Found: answer.OK}
	if !b.Found && !facts.Readable(e.app, q) { // the files do not exist: name only them
		b.Asks = q.Files()
		return b
	}
	if b.Key = key; len(key) > 0 {
		b.Value = facts.At(answer.Value, key)
		b.Found = b.Value != nil
	}
	if !b.Found {
		return b
	}
	b.At = facts.Places(e.app, q.Asked(e.app, e.up()), answer, key)
	switch value := answer.Value.(type) {
	case string:
		if q.Kind != "file" && q.Kind != "dir" && q.Kind != "exec" || len(q.Args) > 1 {
			b.Value = value
		}
	case []any: // only the matched text
		if len(value) > 0 && q.Kind == "match" && !q.All {
			b.Value = value[0]
		}
	case bool:
		b.Value = value
	}
	if q.Kind == "env" {
		b.Variable = q.Variable(e.env.Variables)
	}
	return b
}

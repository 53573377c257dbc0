package catalog

import (
	"slices"

	"github.com/nixpacks-cue/nixpacks/engine/facts"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// AsksPackages are the words of the one basis that is no fact about the app: whether packages are Nix's or Debian's.
const AsksPackages = "the source of packages"

// Basis is a fact that a value of a provider's plan rests on, or a part of one.
type Basis struct {
	Provider string   `json:"provider"`
	Fact     string   `json:"fact"`          // its name in the provider
	Key      []string `json:"key,omitempty"` // what of it: the keys that lead there in a parsed file
	Asks     string   `json:"asks"`          // in words: "package.json"
	Found    bool     `json:"found"`
	Value    any      `json:"value,omitempty"` // what was found, where it is more than that it is there
	// At is where in the app's files that was read, the first places of many.
	At []fault.Pos `json:"at,omitempty"`
	// Variable is the name of the variable that the value is of; "" for all others.
	Variable string `json:"variable,omitempty"`
}

// bases are the facts behind uses, each part once; those of other providers stand for the fact that asks them.
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
			more, err := e.done[e.another(q.Args[0])].said.Rests(u.path[1], u.path[2:]...)
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

// key is what of a parsed file is taken.
func (u use) key(q facts.Question) []string {
	if facts.Parsed(q) && len(u.path) > 1 && u.path[0] == "value" {
		return u.path[1:]
	}
	return nil
}

func (e *evaluator) basis(name string, q facts.Question, key []string) Basis {
	answer := e.answers[name]
	b := Basis{Provider: e.provider.Name, Fact: name, Asks: q.Words(), Found: answer.OK}
	if !b.Found && !facts.Readable(e.app, q) { // that the files are not there says it all
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
	case []any: // of a match the text
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

package catalog

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"github.com/nixpacks-cue/nixpacks/engine/facts"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// answer answers one question about the app. Those about another provider and about the machine are answered here, since
// package facts knows neither.
func (e *evaluator) answer(q facts.Question) (facts.Answer, error) {
	switch q.Kind {
	case "provider":
		return e.other(q.Args[0])
	case "machine":
		return facts.Answer{OK: true, Value: cmp.Or(e.env.Arch, "amd64")}, nil
	}
	return facts.Resolve(e.app, e.env.Variables, q)
}

// other evaluates another provider for the same app: its plan and what it shares are the answer, and what it tells
// the user or refuses is told or refused by this one.
func (e *evaluator) other(name string) (facts.Answer, error) {
	var none facts.Answer
	chain := append(slices.Clone(e.env.asking), e.provider.Name)
	if slices.Contains(chain, name) {
		return none, fault.New(fault.Refused, "providers that ask one another in a circle: %s", strings.Join(append(chain, name), " → "))
	}
	var names []string
	if e.env.Others != nil {
		names = e.env.Others.Names()
	}
	if !slices.Contains(names, name) {
		return none, fault.New(fault.Refused, "there is no provider called %q", name).WithHint("%s", fault.DidYouMean(name, names))
	}
	p, _ := e.env.Others.Get(name)
	env := e.env
	env.asking = chain
	said, err := p.Evaluate(e.app, env)
	if err != nil {
		return none, err
	}
	e.others[name] = said
	plan, err := json.Marshal(said.Plan)
	if err != nil {
		return none, err
	}
	value := map[string]any{"shares": said.Shares}
	if said.Shares == nil {
		value["shares"] = map[string]any{}
	}
	if value["plan"], err = object(plan); err != nil {
		return none, err
	}
	detects, err := p.Detect().Holds(e.app, e.env.Variables)
	return facts.Answer{OK: detects, Value: value}, err
}

// object is the text of a JSON object in the types that answers have.
func object(text []byte) (out map[string]any, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	err = d.Decode(&out)
	return out, err
}

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

// answer answers one question about the app. Questions about other providers and about the machine are answered here, because
// package facts knows neither.
func (e *evaluator) answer(q facts.Question) (facts.Answer, error) {
	switch q.Kind {
	case "provider":
		return e.other(q.Args[0])
	case "machine":
		return facts.Answer{OK: true, Value: cmp.Or(e.env.Arch, "amd64")}, nil
	case "workspace":
		if !e.rooted {
			return facts.NoWorkspace(), nil
		}
	}
	return facts.ResolveFrom(e.app, e.env.Variables, q, e.up())
}

// other evaluates another provider for the same app. The answer is its plan and what it shares. Its notes and refusals
// become those of the asking provider.
func (e *evaluator) other(name string) (facts.Answer, error) {
	var none facts.Answer
	if slices.Contains(e.asking, name) {
		return none, fault.New(fault.Refused, "providers use each other's facts in a cycle: %s", strings.Join(append(e.asking, name), " → "))
	}
	evaluation, err := e.consult(e.another(name))
	if err != nil {
		return none, err
	}
	plan, err := json.Marshal(evaluation.Plan)
	if err != nil {
		return none, err
	}
	value := map[string]any{"shares": evaluation.Shares}
	if evaluation.Shares == nil {
		value["shares"] = map[string]any{}
	}
	if value["plan"], err = object(plan); err != nil {
		return none, err
	}
	p, _ := e.catalog.Get(name)
	detects, err := p.Detect().Holds(e.app, e.env.Variables)
	return facts.Answer{OK: detects, Value: value}, err
}

// another returns the key under which this provider consults another one, with the root of this provider's workspace.
func (e *evaluator) another(name string) consulted {
	if up := e.up(); up != "" && !e.catalog.KnowsWorkspaces(name) {
		return consulted{name, up}
	}
	return consulted{name: name}
}

// object decodes a JSON object to the types of answers.
func object(text []byte) (out map[string]any, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	err = d.Decode(&out)
	return out, err
}

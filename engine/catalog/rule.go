package catalog

import (
	"errors"
	"fmt"
	"slices"

	"github.com/nixpacks-cue/nixpacks/engine/app"
	"github.com/nixpacks-cue/nixpacks/engine/facts"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// Rule decides whether a provider recognizes an app. One of three is set: Any and All are rules of
// which one or all must hold, Ask is a question whose answer must be ok. An empty Any never holds.
type Rule struct {
	Any, All []Rule
	Ask      facts.Question
}

// asks are the kinds of facts that a rule may use: the cheap ones.
var asks = []string{"file", "dir", "glob", "grep"}

// parseRule parses detect: any or all of a list of questions, each of which may again be any or all.
func parseRule(v any) (Rule, error) {
	r, err := parseGroup(v, 2)
	if err == nil && r.Any == nil && r.All == nil {
		err = errors.New(`write any: [...] or all: [...]`)
	}
	return r, err
}

func parseGroup(v any, levels int) (Rule, error) {
	m, ok := v.(map[string]any)
	if !ok {
		return Rule{}, fmt.Errorf("a rule must be a struct")
	}
	for _, name := range []string{"any", "all"} {
		items, ok := m[name]
		if !ok {
			continue
		}
		list, ok := items.([]any)
		never := name == "any" && levels == 2 // an empty any at the top: the provider detects no app
		if !ok || len(m) != 1 || len(list) == 0 && !never || levels == 0 {
			return Rule{}, fmt.Errorf("%s must be the only field and a list of questions, nested at most once", name)
		}
		rules := []Rule{}
		for _, x := range list {
			sub, err := parseGroup(x, levels-1)
			if err != nil {
				return Rule{}, err
			}
			rules = append(rules, sub)
		}
		if name == "all" {
			return Rule{All: rules}, nil
		}
		return Rule{Any: rules}, nil
	}
	q, err := facts.Parse(m)
	if err == nil && !slices.Contains(asks, q.Kind) {
		err = fmt.Errorf("a rule can use %v, not %s", asks, q.Kind)
	}
	return Rule{Ask: q}, err
}

// Never reports whether the rule holds for no app. Such a provider exists for others to ask.
func (r Rule) Never() bool { return r.Any != nil && len(r.Any) == 0 }

// Holds reports whether the rule holds for an app. It is a fault if a file that it searches cannot be read.
func (r Rule) Holds(a *app.App, env map[string]string) (bool, error) {
	return r.judge(a, env, func(facts.Question, facts.Answer) {})
}

// Found is Holds and also returns the positions in the app that satisfy the rule.
func (r Rule) Found(a *app.App, env map[string]string) (at []fault.Pos, holds bool, err error) {
	holds, err = r.judge(a, env, func(q facts.Question, answer facts.Answer) {
		at = append(at, facts.Places(a, q, answer, nil)...)
	})
	if !holds {
		at = nil
	}
	return at, holds, err
}

// judge is Holds. It calls found for each answer that satisfies a question.
func (r Rule) judge(a *app.App, env map[string]string, found func(facts.Question, facts.Answer)) (bool, error) {
	switch {
	case r.Any != nil:
		return some(r.Any, true, func(r Rule) (bool, error) { return r.judge(a, env, found) })
	case r.All != nil:
		none, err := some(r.All, false, func(r Rule) (bool, error) { return r.judge(a, env, found) })
		return !none, err
	}
	q := r.Ask
	if q.Kind == "glob" {
		q.Limit = 1
	}
	answer, err := facts.Resolve(a, env, q)
	if answer.OK {
		found(q, answer)
	}
	return answer.OK, err
}

// some reports whether judge returns what for at least one of the rules.
func some(rules []Rule, what bool, judge func(Rule) (bool, error)) (bool, error) {
	for _, r := range rules {
		if ok, err := judge(r); err != nil || ok == what {
			return ok == what, err
		}
	}
	return false, nil
}

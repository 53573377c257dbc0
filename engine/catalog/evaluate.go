package catalog

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"

	"github.com/nixpacks-cue/nixpacks/engine/budget"
	"github.com/nixpacks-cue/nixpacks/engine/facts"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// maxRounds is how often the facts of a provider may lead to further facts.
const maxRounds = 8

// Facts are a provider's answers as data. As JSON beside the provider's files they give the same plan with
// the stock cue command.
type Facts struct {
	Packages string                  `json:"packages"`
	Facts    map[string]facts.Answer `json:"facts"`
}

// Evaluation is what a provider says about an app.
type Evaluation struct {
	Plan     *plan.Plan
	Facts    Facts
	Metadata []string // words beside the provider's name that describe the app
	// Shares is what other providers may build on, as JSON's types.
	Shares map[string]any
	// Slim is the running image apart from the one that builds; nil where the provider knows of none.
	Slim *Slim
	// Location is where the app is in its repository, if it is a member of a workspace there; nil otherwise.
	Location *plan.Location
	// Versions and Notes are the provider's own, and behind them those of the providers that it asked.
	Versions []Version
	Notes    []Note
	// Line is the place in the provider that set a field of the plan, such as "phases", "build", "cmds"; its
	// File is "" where nothing did.
	Line func(path ...string) fault.Pos
	// Rests gives the facts that a value of the provider rests on: one of its plan, as in "plan", "start", "cmd", or of
	// what else is at the top of it, such as "slim". It reads the app, which must be open.
	Rests func(name string, path ...string) ([]Basis, error)
}

// evaluate evaluates a provider that nobody asked yet. One that others wrote answers for what it costs itself.
func (r *Request) evaluate(p *Provider, up string) (out *Evaluation, err error) {
	if !p.foreign {
		return r.evaluateNow(p, up)
	}
	work := budget.Evaluation("provider "+p.Name, p.files...)
	err = r.env.Budget.While(work, func() (err error) {
		out, err = r.evaluateNow(p, up)
		return err
	})
	return out, err
}

func (r *Request) evaluateNow(p *Provider, up string) (*Evaluation, error) {
	s, err := p.parse()
	if err != nil {
		return nil, err
	}
	e := &evaluator{Request: r, provider: p, syntax: s, ctx: r.cue(), outer: up,
		asked: map[string]facts.Question{}, answers: map[string]facts.Answer{}}
	if err := e.gather(); err != nil {
		return nil, err
	}
	return e.finish()
}

// evaluator is one evaluation.
type evaluator struct {
	*Request
	provider *Provider
	outer    string // what leads to the root of the workspace of the provider that asks this one
	syntax   *syntax
	ctx      *cue.Context
	asked    map[string]facts.Question
	answers  map[string]facts.Answer
	traced   *tracer // once it is asked what something rests on
}

// gather answers all facts: first those that are literal, straight from the syntax, then in rounds those
// that the answers lead to. Every round builds the value anew, because CUE's defaults are not monotonic:
// *facts.x.value | "y" is "y" while x is open.
func (e *evaluator) gather() error {
	static, computed, err := e.syntax.questions()
	if err != nil {
		return err
	}
	if _, err := e.ask(static); err != nil || !computed {
		return err
	}
	part := e.syntax.slice(static)
	var changed []string
	for range maxRounds {
		v, err := e.build(part.files, part.has)
		if err != nil {
			return err
		}
		now, waiting, err := e.read(v)
		if err != nil {
			return err
		}
		for name, q := range static {
			now[name] = q
		}
		if changed, err = e.ask(now); err != nil {
			return err
		}
		if !slices.ContainsFunc(changed, part.has) {
			return e.fault(waiting)
		}
	}
	return fault.New(fault.Refused, "provider %s: after %d rounds these facts still change: %s",
		e.provider.Name, maxRounds, strings.Join(changed, ", ")).WithPos(e.syntax.at("facts")).
		WithHint("a fact must not depend on its own answer, not even through others")
}

// ask brings the answers up to date with the questions and names the facts whose answer changed.
func (e *evaluator) ask(now map[string]facts.Question) ([]string, error) {
	var changed []string
	var faults []error
	for _, name := range askFirst(now) {
		q := now[name]
		if old, ok := e.asked[name]; ok && reflect.DeepEqual(old, q) {
			continue
		}
		answer, err := e.answer(q)
		if err != nil {
			faults = append(faults, e.syntax.placed(name, err))
			continue
		}
		if old, ok := e.answers[name]; !ok || !reflect.DeepEqual(old, answer) {
			changed = append(changed, name)
		}
		e.asked[name], e.answers[name] = q, answer
	}
	for _, name := range slices.Sorted(maps.Keys(e.asked)) {
		if _, ok := now[name]; !ok {
			delete(e.asked, name)
			delete(e.answers, name)
			changed = append(changed, name)
		}
	}
	return changed, errors.Join(faults...)
}

// build evaluates files of the provider beside the answers to the facts that they need.
func (e *evaluator) build(files []*ast.File, needs func(fact string) bool) (cue.Value, error) {
	given := map[string]facts.Answer{}
	for name, a := range e.answers {
		if needs(name) {
			given[name] = a
		}
	}
	pkg := e.syntax.files[0].PackageName()
	answers := answersFile(pkg, e.env.Packages, given)
	v, err := BuildFiles(e.ctx, append(slices.Clone(files), answers))
	if err != nil {
		return v, e.fault(err)
	}
	return v, nil
}

// finish evaluates the whole provider once, with all answers.
func (e *evaluator) finish() (*Evaluation, error) {
	v, err := e.build(e.syntax.files, func(string) bool { return true })
	if err != nil {
		return nil, err
	}
	if err := e.refusals(v); err != nil {
		return nil, err
	}
	if v.Err() != nil {
		return nil, e.fault(v.Validate()) // of all errors, Err gives one
	}
	out := &Evaluation{Facts: Facts{e.env.Packages, e.answers}, Plan: &plan.Plan{}, Location: e.location()}
	d := decoder{e: e}
	at := v.LookupPath(cue.ParsePath("plan"))
	if !at.Exists() {
		return nil, fault.New(fault.Refused, "provider %s gives no plan", e.provider.Name).WithPos(e.syntax.at("name"))
	}
	d.value(at, reflect.ValueOf(out.Plan).Elem())
	e.words(v, out, &d)
	if p := e.provider; p.foreign && len(d.faults) == 0 {
		d.faults = append(d.faults, e.conform(v))
	}
	out.Line = func(path ...string) fault.Pos { return line(at, path) }
	out.Rests = e.rests
	return out, errors.Join(d.faults...)
}

// words reads what a provider says beside its plan.
func (e *evaluator) words(v cue.Value, out *Evaluation, d *decoder) {
	out.Slim = d.slim(v)
	if m := v.LookupPath(cue.ParsePath("metadata")); m.Exists() {
		d.value(m, reflect.ValueOf(&out.Metadata).Elem())
	}
	var err [3]error
	out.Notes, err[0] = e.notes(v, "notes")
	out.Versions, err[1] = e.versions(v)
	out.Shares, err[2] = e.shares(v)
	if err := errors.Join(err[:]...); err != nil {
		d.faults = append(d.faults, err)
	}
	for _, fact := range slices.Sorted(maps.Keys(e.asked)) {
		if q := e.asked[fact]; q.Kind == "provider" {
			other := e.done[e.another(q.Args[0])].said
			for _, n := range other.Notes {
				if n.Unless == "" { // how the app starts is for the one that asks to say
					out.Notes = Once(out.Notes, n)
				}
			}
			out.Versions = Once(out.Versions, other.Versions...)
		}
	}
}

// line finds the place of a field, or of an element of a list, of the plan.
func line(at cue.Value, path []string) fault.Pos {
	for _, name := range path {
		sel := cue.Str(name)
		if at.IncompleteKind() == cue.ListKind {
			var i int
			if _, err := fmt.Sscan(name, &i); err != nil || i < 0 {
				return fault.Pos{}
			}
			sel = cue.Index(i)
		}
		at = at.LookupPath(cue.MakePath(sel))
	}
	if !at.Exists() {
		return fault.Pos{}
	}
	return Pos(cue.Dereference(at).Pos())
}

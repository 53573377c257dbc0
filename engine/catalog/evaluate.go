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

// maxRounds limits how often answers may lead to new facts.
const maxRounds = 8

// Facts are the answers to a provider's facts as data. As a JSON file next to the provider's files, they give the same plan
// with the stock cue command.
type Facts struct {
	Packages string                  `json:"packages"`
	Facts    map[string]facts.Answer `json:"facts"`
}

// Evaluation is the result of evaluating a provider for an app.
type Evaluation struct {
	Plan     *plan.Plan
	Facts    Facts
	Metadata []string // words that describe the app, in addition to the provider's name
	// Shares is the data that other providers may use, in JSON's types.
	Shares map[string]any
	// Slim describes a run image separate from the build image, or is nil if the provider has none.
	Slim *Slim
	// Location is the app's place in its repository, or nil if the app is not a workspace member.
	Location *plan.Location
	// Versions and Notes are the provider's own, followed by those of the providers that it asked.
	Versions []Version
	Notes    []Note
	// Line returns the position in the provider that set a field of the plan, such as "phases", "build", "cmds". Its File
	// is "" if nothing set the field.
	Line func(path ...string) fault.Pos
	// Rests returns the facts that a value of the provider depends on: a value of its plan, such as "plan", "start", "cmd", or
	// of another top-level field such as "slim". It reads the app, which must still be open.
	Rests func(name string, path ...string) ([]Basis, error)
}

// evaluate evaluates a provider that was not evaluated yet. A foreign provider is named in the fault if it exceeds the budget.
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

// evaluator is the evaluation of one provider for one app.
type evaluator struct {
	*Request
	provider *Provider
	outer    string // the up of the provider that asks this one, see consulted
	syntax   *syntax
	ctx      *cue.Context
	asked    map[string]facts.Question
	answers  map[string]facts.Answer
	traced   *tracer // created by the first call of Rests
}

// gather answers all facts: first the literal ones, straight from the syntax, then in rounds those that
// depend on answers. Every round builds the value anew, because CUE's defaults are not monotonic:
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
	return fault.New(fault.Refused, "provider %s: after %d rounds these facts are still changing: %s",
		e.provider.Name, maxRounds, strings.Join(changed, ", ")).WithPos(e.syntax.at("facts")).
		WithHint("a fact must not depend on its own answer, directly or through other facts")
}

// ask updates the answers for the questions and returns the names of facts whose answers changed.
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

// build evaluates files of the provider together with the answers that needs selects.
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

// finish evaluates the whole provider once with all answers.
func (e *evaluator) finish() (*Evaluation, error) {
	v, err := e.build(e.syntax.files, func(string) bool { return true })
	if err != nil {
		return nil, err
	}
	if err := e.refusals(v); err != nil {
		return nil, err
	}
	if v.Err() != nil {
		return nil, e.fault(v.Validate()) // Validate returns all errors, Err only one
	}
	out := &Evaluation{Facts: Facts{e.env.Packages, e.answers}, Plan: &plan.Plan{}, Location: e.location()}
	d := decoder{e: e}
	at := v.LookupPath(cue.ParsePath("plan"))
	if !at.Exists() {
		return nil, fault.New(fault.Refused, "provider %s has no plan", e.provider.Name).WithPos(e.syntax.at("name"))
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

// words decodes the fields of a provider other than its plan.
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
			other := e.done[e.another(q.Args[0])].evaluation
			for _, n := range other.Notes {
				if n.Unless == "" { // the asking provider decides how the app starts
					out.Notes = Once(out.Notes, n)
				}
			}
			out.Versions = Once(out.Versions, other.Versions...)
		}
	}
}

// line returns the position of a field of the plan, or of a list element.
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

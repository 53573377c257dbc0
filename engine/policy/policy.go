// Package policy checks a finished plan against policies: CUE that is unified with the plan in the form that `nixpacks plan`
// prints. `cue vet plan.json policy.cue` gives the same verdict.
package policy

import (
	"errors"
	"slices"

	"github.com/nixpacks-cue/nixpacks/engine/app"
	"github.com/nixpacks-cue/nixpacks/engine/budget"
	"github.com/nixpacks-cue/nixpacks/engine/catalog"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// Input is a finished plan and its policies.
type Input struct {
	Plan *plan.Plan
	// Origins returns the positions that set the plan's values. It may be nil, and is called only if there is a policy.
	Origins func() *plan.Origins
	// Given are the policies of the operator. Each element has the files of a folder, or a single file.
	Given [][]catalog.Source
	// App, if not nil, is the app of the plan or the repository that contains it. The policies in its policy folder and in
	// those of its directories Dirs also apply. They cannot weaken the given ones, because each policy is evaluated separately.
	App  *app.App
	Dirs []string
}

// Result is the result of checking a plan.
type Result struct {
	Policies   []*Policy // in the order given, those of the app last
	Violations []Violation
	Notes      []catalog.Note // about policies with fields that no plan has
}

// Violation is a constraint that the plan violates.
type Violation struct {
	Policy *Policy
	// Message is the message of the policy's author, if there is one.
	Message string
	// Path is the value in question, which may be a list element, as shown in messages. "" is the whole plan.
	Path string
	At   fault.Pos // position in the policy
	// Set are the positions that set the value, as far as known. Unset reports that nothing set it.
	Set   []fault.Pos
	Unset bool

	authored bool // Message is the author's
}

// Check checks a plan against its policies. A policy that cannot be read or parsed, reaches outside its file, or exceeds the
// budget is a fault (Refused) with the policy's name.
func Check(in Input) (*Result, error) {
	if len(in.Given) == 0 && !slices.ContainsFunc(in.dirs(), func(dir string) bool { return hasOwn(in.App, dir) }) {
		return &Result{}, nil // the common case: setting up a budget has a cost
	}
	b := budget.New()
	var res *Result
	err := b.Run(budget.Work{Costly: costly}, func() (err error) {
		res, err = in.check(b)
		return err
	})
	if err != nil {
		return nil, err // a goroutine may still write res
	}
	return res, nil
}

func costly(what string) *fault.Fault {
	return fault.New(fault.Refused, "checking the plan against its policies takes too much %s", what)
}

// dirs returns the directories of the app whose policies apply.
func (in Input) dirs() []string { return append([]string{"."}, in.Dirs...) }

func (in Input) check(b *budget.Budget) (*Result, error) {
	policies, err := in.policies(b)
	if err != nil || len(policies) == 0 {
		return &Result{}, err
	}
	res := &Result{Policies: policies}
	var origins *plan.Origins
	if in.Origins != nil {
		origins = in.Origins()
	}
	d, err := newData(in.Plan, origins)
	if err != nil {
		return nil, err
	}
	for _, p := range policies {
		err := b.While(budget.Evaluation(p.Name, fault.Pos{File: p.files[0].Name}), func() error {
			found, err := p.judge(d)
			res.Violations = append(res.Violations, found...)
			return err
		})
		if err != nil {
			return nil, err
		}
		res.Notes = append(res.Notes, p.notes()...)
	}
	return res, nil
}

// policies returns all policies for the plan. A policy in the app that is also given counts once.
func (in Input) policies(b *budget.Budget) ([]*Policy, error) {
	var out []*Policy
	var errs []error
	add := func(from []catalog.Source) {
		for _, group := range byPackage(from) {
			err := b.While(budget.Evaluation(group[0].Name, fault.Pos{File: group[0].Name}), func() error {
				p, err := parse(group)
				if err == nil && !slices.ContainsFunc(out, p.same) {
					out = append(out, p)
				}
				return err
			})
			errs = append(errs, err)
		}
	}
	for _, from := range in.Given {
		add(from)
	}
	for _, dir := range in.dirs() {
		own, err := inApp(in.App, dir)
		errs = append(errs, err)
		add(own)
	}
	return out, errors.Join(errs...)
}

// Err returns the violations as faults, or nil if there are none.
func (r *Result) Err() error {
	var out []error
	for _, v := range r.Violations {
		out = append(out, v.fault())
	}
	return errors.Join(out...)
}

func (v Violation) fault() *fault.Fault {
	f := fault.New(fault.Refused, "%s", v.Message).WithPos(v.At).WithSource(v.Policy.text(v.At.File))
	for _, at := range v.Set {
		by := "which sets " + v.Path
		if at.Label != "" {
			by = at.Label + ", " + by
		}
		at.Label = by
		f = f.WithPos(at)
	}
	switch {
	case v.Unset && v.authored:
		f.Detail = "nothing sets " + v.Path
	case v.Path != "" && len(v.Set) == 0 && !v.Unset:
		f.Detail = "nothing sets " + v.Path + ", which has its default"
	}
	return f
}

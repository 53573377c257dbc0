// Package policy holds a finished plan to what others demand of plans: CUE that is unified with the plan as `nixpacks plan`
// prints it, and that `cue vet plan.json policy.cue` judges the same.
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

// Input is a finished plan and who demands what of it.
type Input struct {
	Plan *plan.Plan
	// Origins are where the plan's values were set; nil where nobody knows. They are asked for where there is a policy.
	Origins func() *plan.Origins
	// Given are the policies of whoever runs this program. Each element is the files of a folder, or a file alone.
	Given [][]catalog.Source
	// App, unless it is nil, is the app that the plan is for, or the repository that it is part of: the policies in its folder count as well,
	// and those in the folders of Dirs, directories of it. They cannot take away from those that are given, for each policy is evaluated by itself.
	App  *app.App
	Dirs []string
}

// Result is how a plan stands to policies.
type Result struct {
	Policies   []*Policy // in the order in which they were given, those of the app last
	Violations []Violation
	Notes      []catalog.Note // about policies that speak of what no plan has
}

// Violation is one demand that the plan does not meet.
type Violation struct {
	Policy *Policy
	// Message is in the words of the policy's author where they gave some.
	Message string
	// Path is the value in question, down to the index in a list, as messages show it; "" where it is the plan as a whole.
	Path string
	At   fault.Pos // the place in the policy
	// Set is who set the value, as far as that is known; Unset tells that nobody did.
	Set   []fault.Pos
	Unset bool

	told bool // by the author
}

// Check holds a plan to its policies. What cannot be read or parsed, reaches outside of its file, or takes more than package
// budget allows is a fault (Refused) with the policy's name.
func Check(in Input) (*Result, error) {
	if len(in.Given) == 0 && !slices.ContainsFunc(in.dirs(), func(dir string) bool { return hasOwn(in.App, dir) }) {
		return &Result{}, nil // as for most: a budget is not free
	}
	b := budget.New()
	var res *Result
	err := b.Run(budget.Work{Costly: costly}, func() (err error) {
		res, err = in.check(b)
		return err
	})
	if err != nil {
		return nil, err // res may be written yet
	}
	return res, nil
}

func costly(what string) *fault.Fault {
	return fault.New(fault.Refused, "holding the plan to its policies takes too much %s", what)
}

// dirs are the directories of the app whose policies count.
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

// policies are all that the plan is to be held to. One that is in the app and was given, too, counts once.
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

// Err are the violations as faults; nil where there are none.
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
	case v.Unset && v.told:
		f.Detail = "nothing sets " + v.Path
	case v.Path != "" && len(v.Set) == 0 && !v.Unset:
		f.Detail = "nothing sets " + v.Path + ", which has its default"
	}
	return f
}

package unify

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/nixpacks-cue/nixpacks/engine/budget"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// headFields are what providers and their detection depend on.
var headFields = []string{"providers", "packages", "variables"}

// readCUE evaluates nixpacks.cue without what lies below, for headFields alone. What it cannot know yet it
// leaves out, mistakes included: layCUE evaluates the file again, as a whole.
func (u *unifier) readCUE() error {
	u.cueHead = &says{doc: &plan.Document{Plan: &plan.Plan{}}}
	return u.budget.While(u.evaluation(), func() error {
		if !slices.ContainsFunc(headFields, func(name string) bool { return strings.Contains(string(u.file.text), name) }) {
			return nil
		}
		e, err := evalCUE(u.file, nil)
		if err != nil {
			return err
		}
		if head, err := e.read(headFields); err == nil {
			u.cueHead, u.head = head, head.doc.Plan
		}
		return nil
	})
}

// evaluation is the work of evaluating the file.
func (u *unifier) evaluation() budget.Work {
	return budget.Evaluation(u.file.name, fault.Pos{File: u.file.name})
}

// applyHead takes over what of nixpacks.cue is no plain value: defaults, which yield to what the user says
// outside the file, and variables that null deletes.
func (u *unifier) applyHead() {
	for _, l := range u.cueHead.soft {
		text, _ := l.Value.(string)
		switch list, _ := l.Value.([]string); {
		case l.Path[0] == "providers" && u.wanted == nil:
			u.wanted = list
		case l.Path[0] == "packages" && u.packages == "":
			u.packages = text
		case l.Path[0] == "variables":
			if _, set := u.vars[l.Path[1]]; !set {
				u.vars[l.Path[1]] = text
			}
		}
	}
	for _, d := range u.cueHead.drop {
		if d.path[0] == "variables" {
			delete(u.vars, d.path[1])
		}
	}
}

// layCUE lays nixpacks.cue and what is above it over base.
func (u *unifier) layCUE(base *plan.Plan) (*plan.Plan, error) {
	base.Variables = withVariables(base.Variables, u.options.Env)
	base.Packages = u.packages
	if base.Packages == "" {
		base.Packages = "nix"
	}
	base.Providers = u.detected
	base.DropMarkers()
	u.layers = append(u.layers, envLayer(u.options.Env))
	var p *plan.Plan
	err := u.budget.While(u.evaluation(), func() error {
		e, err := evalCUE(u.file, base)
		if err != nil {
			return err
		}
		if err := e.mistakes(base); err != nil {
			return err
		}
		s, err := e.read(nil)
		if err != nil {
			return err
		}
		if err := errors.Join(e.markers(s), u.headHolds(s, base)); err != nil {
			return err
		}
		p = u.lay(e, s, base)
		return errors.Join(e.unknownPhases(s, p, base), u.constrain(e, s, p))
	})
	return p, err
}

// lay gives the finished plan: base with what the file says, with what is above the file.
func (u *unifier) lay(e *evaluated, s *says, base *plan.Plan) *plan.Plan {
	p := plan.Merge(base, s.doc.Plan)
	clearBlanks(p, &plan.Plan{}, s.doc)
	yielded := &plan.Plan{}
	for _, l := range s.soft {
		if p.Get(l.Path...) == nil {
			p.Set(l)
			yielded.Set(l)
		}
	}
	u.dropped = s.drop
	for _, d := range s.drop {
		u.noteNothing(d, p)
		p.Delete(d.path...)
	}
	u.layers = append(u.layers, documentLayer(s.doc), layer{plan: yielded, at: func([]string) (fault.Pos, bool) {
		return fault.Pos{File: e.name}, true
	}})
	for _, l := range u.above {
		p = plan.Merge(p, bare(l.plan, p))
	}
	dropImplied(p, u.jsonPlan)
	clearBlanks(p, u.above[2].plan, u.jsonPlan)
	u.layers = append(u.layers, u.above...)
	u.configuredStart = u.configuredStart || s.doc.Plan.Get("start", "cmd") != nil
	u.finish(p)
	return p
}

// bare is a layer above nixpacks.cue without what Nixpacks' own layers say only in passing: the dependencies
// of install and build, and no overlays. What nixpacks.cue says about these stays.
func bare(over, p *plan.Plan) *plan.Plan {
	over = over.Clone()
	for name, ph := range over.Phases {
		if p.Phases[name] != nil && slices.Equal(ph.DependsOn, plan.NewPhase(name).DependsOn) {
			ph.DependsOn = nil
		}
		if len(ph.NixOverlays) == 0 {
			ph.NixOverlays = nil
		}
	}
	return over
}

// markers refuses "..." that stands where it is not known what it stands for.
func (e *evaluated) markers(s *says) error {
	var errs []error
	for _, l := range s.doc.Plan.Leaves() {
		list, _ := l.Value.([]string)
		for i, elem := range list {
			if plan.Marker(elem) {
				errs = append(errs, e.fault(s.doc.At(l.Path...).Items[i].Pos,
					"%q stands for the list below only in a list that is written out, at a fixed path", elem).
					WithHint("write %s instead", baseName(l.Path)))
			}
		}
	}
	return errors.Join(errs...)
}

// baseName is how the file names a value of what lies below.
func baseName(path []string) string { return "#base." + plan.Path(path...) }

// headHolds refuses that the file, now that it sees what lies below, says something else about what
// providers depended on.
func (u *unifier) headHolds(s *says, base *plan.Plan) error {
	var errs []error
	refuse := func(name string) {
		f := fault.New(fault.Refused, "%s cannot depend on #base, which depends on it", name)
		if n := s.doc.At(name); n != nil {
			f = f.WithPos(n.Pos)
		}
		errs = append(errs, u.withSource(f))
	}
	head := u.cueHead.doc.Plan
	if now := s.doc.Plan.Providers; !slices.Equal(now, withoutMarkers(plan.Fill(base.Providers, head.Providers))) && now != nil {
		refuse("providers")
	}
	if s.doc.Plan.Packages != head.Packages {
		refuse("packages")
	}
	return errors.Join(errs...)
}

func withoutMarkers(list []string) []string {
	return slices.DeleteFunc(list, plan.Marker)
}

// noteNothing tells where null deletes what is not there.
func (u *unifier) noteNothing(d dropped, p *plan.Plan) {
	if len(d.path) != 2 || d.path[0] != "phases" || p.Phases[d.path[1]] != nil {
		return
	}
	u.notes = append(u.notes, Note{
		Text: "there is no phase " + d.path[1] + " to delete",
		Hint: fault.DidYouMean(d.path[1], slices.Collect(maps.Keys(p.Phases))),
		At:   []fault.Pos{d.at},
	})
}

// unknownPhases refuses names in dependsOn that the file itself wrote and that no phase has. Names that
// came from below are ignored, as everywhere: providers name phases that an app may lack.
func (e *evaluated) unknownPhases(s *says, p, base *plan.Plan) error {
	var faults []*fault.Fault
	for _, name := range slices.Sorted(maps.Keys(s.doc.Plan.Phases)) {
		path := []string{"phases", name, "dependsOn"}
		below, _ := base.Get(path...).([]string)
		for i, dep := range s.doc.Plan.Phases[name].DependsOn {
			if p.Phases[dep] == nil && !slices.Contains(below, dep) {
				faults = append(faults, e.fault(s.doc.At(path...).Items[i].Pos, "phase %s depends on %q, and there is no such phase", name, dep).
					WithHint("%s", fault.DidYouMean(dep, slices.Collect(maps.Keys(p.Phases)))))
			}
		}
	}
	return inOrder(faults)
}

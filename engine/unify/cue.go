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

// headFields are the fields that detection and providers depend on.
var headFields = []string{"providers", "packages", "variables"}

// readCUE evaluates nixpacks.cue without the layers below it, for headFields only. It ignores everything that is not known
// at this point, including mistakes, because layCUE evaluates the whole file again.
func (u *unifier) readCUE() error {
	u.cueHead = &cueDocument{doc: &plan.Document{Plan: &plan.Plan{}}}
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

// evaluation describes the evaluation of the file for the budget.
func (u *unifier) evaluation() budget.Work {
	return budget.Evaluation(u.file.name, fault.Pos{File: u.file.name})
}

// applyHead applies those parts of nixpacks.cue that are not plain values: defaults, which the user can override
// outside the file, and variables deleted by null.
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

// layCUE merges nixpacks.cue and the layers above it over base.
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

// lay merges base, the file and the layers above the file to the finished plan.
func (u *unifier) lay(e *evaluated, s *cueDocument, base *plan.Plan) *plan.Plan {
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

// bare removes from a layer above nixpacks.cue the values that Nixpacks' layers set implicitly: the dependencies
// of install and build, and empty overlays. nixpacks.cue keeps its values for them.
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

// markers refuses "..." where the list that it stands for is unknown.
func (e *evaluated) markers(s *cueDocument) error {
	var errs []error
	for _, l := range s.doc.Plan.Leaves() {
		list, _ := l.Value.([]string)
		for i, elem := range list {
			if plan.Marker(elem) {
				errs = append(errs, e.fault(s.doc.At(l.Path...).Items[i].Pos,
					"%q works only in a literal list at a fixed path", elem).
					WithHint("use %s instead", baseName(l.Path)))
			}
		}
	}
	return errors.Join(errs...)
}

// baseName returns the CUE expression for a value of the layers below.
func baseName(path []string) string { return "#base." + plan.Path(path...) }

// headHolds refuses a file whose providers or packages change once #base is known, because #base
// was computed from them.
func (u *unifier) headHolds(s *cueDocument, base *plan.Plan) error {
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

// noteNothing adds a note if null deletes a phase that does not exist.
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

// unknownPhases refuses names in dependsOn that the file itself added and that no phase has. Names from the layers
// below are ignored: providers name phases that an app may lack.
func (e *evaluated) unknownPhases(s *cueDocument, p, base *plan.Plan) error {
	var faults []*fault.Fault
	for _, name := range slices.Sorted(maps.Keys(s.doc.Plan.Phases)) {
		path := []string{"phases", name, "dependsOn"}
		below, _ := base.Get(path...).([]string)
		for i, dep := range s.doc.Plan.Phases[name].DependsOn {
			if p.Phases[dep] == nil && !slices.Contains(below, dep) {
				faults = append(faults, e.fault(s.doc.At(path...).Items[i].Pos, "phase %s depends on %q, but there is no such phase", name, dep).
					WithHint("%s", fault.DidYouMean(dep, slices.Collect(maps.Keys(p.Phases)))))
			}
		}
	}
	return inOrder(faults)
}

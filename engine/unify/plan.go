package unify

import (
	"errors"
	"maps"
	"slices"

	"github.com/nixpacks-cue/nixpacks/engine/catalog"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// plan plans one directory.
func (u *unifier) plan() (*Result, error) {
	if err := u.read(); err != nil {
		return nil, err
	}
	u.request = u.catalog.Request(u.app, catalog.Env{Packages: u.packages, Variables: u.vars, Arch: u.options.Arch, Budget: u.budget})
	names, err := u.detect()
	if err != nil {
		return nil, err
	}
	if u.knowWorkspaces(names) {
		u.request.InWorkspace()
	}
	base, err := u.base(names)
	if err != nil {
		return nil, err
	}
	var p *plan.Plan
	if u.cueHead != nil {
		p, err = u.layCUE(base)
	} else {
		p = u.layData(base)
	}
	if err != nil {
		return nil, err
	}
	if err := u.check(p); err != nil {
		return nil, err
	}
	u.noteSettings(u.fileVars)
	u.noteLineEnds(p)
	u.notes = slices.DeleteFunc(u.notes, func(n Note) bool { return n.Unless == "start" && startCmd(p) != u.aboutStart[n.Text] })
	return &Result{Plan: p, Providers: names, App: u.app, Notes: u.notes, Variables: u.vars, Versions: u.versions, Facts: u.facts,
		Origin:  func(path ...string) (fault.Pos, bool) { return u.origin(path, "") },
		Said:    func(path ...string) ([]Said, error) { return u.sayings(path) },
		Origins: func() *plan.Origins { return u.origins(p) }}, nil
}

// base returns the layers below the user's file: providers and Procfile.
func (u *unifier) base(names []string) (*plan.Plan, error) {
	p, err1 := u.evaluate(names)
	p = plan.Merge(&plan.Plan{DeployVariables: u.catalog.Defaults().DeployVariables}, p)
	text, ok, err2 := u.text("Procfile")
	if !ok || err2 != nil {
		return p, errors.Join(err1, err2)
	}
	u.keep("Procfile", text)
	l, err2 := procfile(text)
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	u.layers = append(u.layers, l)
	return plan.Merge(p, l.plan), nil
}

// layData merges a TOML or JSON file over base in Nixpacks' order: the layers above base are first merged with one
// another, then over base, and finally all variables over everything.
func (u *unifier) layData(base *plan.Plan) *plan.Plan {
	before := u.before(u.head)
	p := plan.Merge(base, before)
	if u.file != nil {
		dropImplied(p, u.file.doc)
		clearBlanks(p, u.before(&plan.Plan{}), u.file.doc)
		u.layers = append(u.layers, documentLayer(u.file.doc))
	}
	dropImplied(p, u.jsonPlan)
	clearBlanks(p, u.above[2].plan, u.jsonPlan)
	u.layers = append(append(u.layers, u.above...), envLayer(u.options.Env))
	p.Variables = withVariables(p.Variables, u.vars)
	u.finish(p)
	return p
}

func withVariables(vars, over map[string]string) map[string]string {
	if len(over) == 0 {
		return vars
	}
	vars = maps.Clone(vars)
	if vars == nil {
		vars = map[string]string{}
	}
	maps.Copy(vars, over)
	return vars
}

// finish adds the defaults to the plan.
func (u *unifier) finish(p *plan.Plan) {
	u.choose(p)
	addCaches(p, u.options.Env)
	p.Packages = ""
	if u.packages == "apt" {
		p.Packages = "apt"
	}
	p.Pin(u.catalog.Defaults(), Truthy(u.vars, "DEBIAN"))
	u.slim(p)
	u.locate(p)
}

// check refuses plans that cannot be built, no matter which layer is the cause.
func (u *unifier) check(p *plan.Plan) error {
	return errors.Join(u.elsewhere(), u.chosen(p), u.trust(p.BuildImage, "buildImage"), u.trust(runImage(p), "start", "runImage"), u.cycle(p))
}

func runImage(p *plan.Plan) string {
	if p.Start == nil {
		return ""
	}
	return p.Start.RunImage
}

// trust refuses images from local files, unless the command line itself names them.
func (u *unifier) trust(image string, path ...string) error {
	if named := u.options.Flags.BuildImage; named != "" && (path[0] == "buildImage" || image == named) {
		return nil
	}
	f := plan.RefuseImage(image, path...)
	if f == nil {
		return nil
	}
	if at, ok := u.origin(path, ""); ok {
		f = u.withSource(f.WithPos(at))
	}
	return f
}

// withSource adds the source line of the first position if it is in the user's file.
func (u *unifier) withSource(f *fault.Fault) *fault.Fault {
	if u.file != nil && len(f.At) > 0 && f.At[0].File == u.file.name {
		return f.WithSource(u.file.text)
	}
	return f
}

// cycle refuses phases that depend on each other, with the positions of the dependencies.
func (u *unifier) cycle(p *plan.Plan) error {
	_, err := p.Sorted()
	var f *fault.Fault
	if !errors.As(err, &f) {
		return err
	}
	for _, name := range p.Cycle() {
		at, ok := u.origin([]string{"phases", name, "dependsOn"}, "")
		if ok && !slices.Contains(f.At, at) {
			f.At = append(f.At, at)
		}
	}
	// The user's own file comes first, because the caret belongs there.
	slices.SortStableFunc(f.At, func(a, b fault.Pos) int { return u.foreign(a) - u.foreign(b) })
	return u.withSource(f)
}

func (u *unifier) foreign(p fault.Pos) int {
	if u.file != nil && p.File == u.file.name {
		return 0
	}
	return 1
}

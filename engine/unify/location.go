package unify

import (
	"path"
	"reflect"
	"slices"

	"github.com/nixpacks-cue/nixpacks/engine/app"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// dirOf is the app's directory in its repository, "" where it is part of none.
func dirOf(a *app.App) string {
	_, dir := a.Repository()
	return dir
}

// below opens a directory of the app, which is part of the same repository.
func below(a *app.App, dir string) (*app.App, error) {
	if repository, at := a.Repository(); repository != nil {
		return repository.Within(path.Join(at, dir))
	}
	return a.Sub(dir)
}

// inRepository makes places in files of the app, in a result or a fault, places in files of its repository.
func inRepository(a *app.App, res *Result, err error) error {
	dir := dirOf(a)
	if dir == "" {
		return err
	}
	if err != nil {
		return inDir(err, a, dir)
	}
	if res != nil {
		res.inDir(a, dir)
	}
	return nil
}

// inDir makes places in files of the app places in files of the directory above, where it is called dir.
func (r *Result) inDir(a *app.App, dir string) {
	for i := range r.Notes {
		prefix(r.Notes[i].At, a, dir)
	}
	for i := range r.Versions {
		prefix(r.Versions[i].At, a, dir)
	}
	said := r.Said
	r.Said = func(path ...string) ([]Said, error) {
		all, err := said(path...)
		for _, s := range all {
			for _, b := range s.Rests {
				prefix(b.At, a, dir)
			}
		}
		return all, err
	}
}

// knowWorkspaces tells whether the app is part of a repository, and all that plan it can do so from the root of a workspace.
func (u *unifier) knowWorkspaces(names []string) bool {
	repository, _ := u.app.Repository()
	return repository != nil && len(names) > 0 && !slices.ContainsFunc(names, func(n string) bool { return !u.catalog.KnowsWorkspaces(n) })
}

// locate writes into a plan where in its repository the app is: in a workspace, or alone.
func (u *unifier) locate(p *plan.Plan) {
	u.saidApp, p.App = p.App, u.location
	if repository, dir := u.app.Repository(); repository != nil && p.App == nil {
		p.App = &plan.Location{Dir: dir, Root: dir}
	}
	if reflect.DeepEqual(u.saidApp, p.App) {
		u.saidApp = nil
	}
}

// elsewhere refuses a plan that the user gave for another place than that of the app: the files that it is about are not there.
func (u *unifier) elsewhere() error {
	if u.saidApp == nil {
		return nil
	}
	f := fault.New(fault.Refused, "app says that the plan is for %s in a repository, which it is not made for", u.saidApp.Dir).
		WithHint("say so with --app %s, and leave app out; or build the plan as it is: --plan FILE", u.saidApp.Dir)
	if at, ok := u.origin([]string{"app", "dir"}, ""); ok {
		f = u.withSource(f.WithPos(at))
	}
	return f
}

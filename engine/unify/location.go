package unify

import (
	"path"
	"reflect"
	"slices"

	"github.com/nixpacks-cue/nixpacks/engine/app"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// dirOf returns the app's directory in its repository, or "" if it is not part of one.
func dirOf(a *app.App) string {
	_, dir := a.Repository()
	return dir
}

// below opens a subdirectory of the app. It belongs to the same repository.
func below(a *app.App, dir string) (*app.App, error) {
	if repository, at := a.Repository(); repository != nil {
		return repository.Within(path.Join(at, dir))
	}
	return a.Sub(dir)
}

// inRepository makes positions in a result or fault relative to the app's repository instead of the app.
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

// inDir makes positions in files of the app relative to the directory above, in which the app is called dir.
func (r *Result) inDir(a *app.App, dir string) {
	for i := range r.Notes {
		prefix(r.Notes[i].At, a, dir)
	}
	for i := range r.Versions {
		prefix(r.Versions[i].At, a, dir)
	}
	inner := r.Said
	r.Said = func(path ...string) ([]Said, error) {
		all, err := inner(path...)
		for _, s := range all {
			for _, b := range s.Rests {
				prefix(b.At, a, dir)
			}
		}
		return all, err
	}
}

// knowWorkspaces reports whether the app is part of a repository and all of its providers can plan a workspace from its root.
func (u *unifier) knowWorkspaces(names []string) bool {
	repository, _ := u.app.Repository()
	return repository != nil && len(names) > 0 && !slices.ContainsFunc(names, func(n string) bool { return !u.catalog.KnowsWorkspaces(n) })
}

// locate sets the app's place in its repository in the plan: in a workspace, or alone.
func (u *unifier) locate(p *plan.Plan) {
	u.userLocation, p.App = p.App, u.location
	if repository, dir := u.app.Repository(); repository != nil && p.App == nil {
		p.App = &plan.Location{Dir: dir, Root: dir}
	}
	if reflect.DeepEqual(u.userLocation, p.App) {
		u.userLocation = nil
	}
}

// elsewhere refuses a plan from the user that is for another place than the app's, because its files are not there.
func (u *unifier) elsewhere() error {
	if u.userLocation == nil {
		return nil
	}
	f := fault.New(fault.Refused, "app sets the location %s in a repository, but the plan is for another one", u.userLocation.Dir).
		WithHint("use --app %s and remove app; or build the saved plan with --plan FILE", u.userLocation.Dir)
	if at, ok := u.origin([]string{"app", "dir"}, ""); ok {
		f = u.withSource(f.WithPos(at))
	}
	return f
}

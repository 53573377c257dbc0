package cli

import (
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	ucli "github.com/urfave/cli/v2"

	"github.com/nixpacks-cue/nixpacks/engine/app"
	"github.com/nixpacks-cue/nixpacks/engine/catalog"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
	"github.com/nixpacks-cue/nixpacks/engine/policy"
)

// policyFlags belong to commands that build, check or print a plan. Commands that explain a plan must do so for any plan.
func policyFlags() []ucli.Flag {
	return []ucli.Flag{lockedFlag(), &ucli.StringSliceFlag{Name: "policy", Category: aboutConfig, Usage: "reject plans that violate policies in `FILE|DIR` or the module MODULE@VERSION@sha256:DIGEST (repeatable)"}}
}

// enforcedPlan is loadPlan, checked against the policies of the command line and of the app.
func enforcedPlan(c *ucli.Context, h *Host) (*plan.Saved, string, error) {
	saved, dir, err := loadPlan(c, h)
	if err != nil {
		return nil, "", err
	}
	return saved, dir, enforce(c, h, saved.Plan, origins(saved), dir)
}

func origins(s *plan.Saved) func() *plan.Origins { return func() *plan.Origins { return s.Origins } }

// enforce refuses a plan that does not meet its policies.
func enforce(c *ucli.Context, h *Host, p *plan.Plan, set func() *plan.Origins, dir string) error {
	res, err := policies(c, h, p, set, dir)
	if err != nil {
		return err
	}
	printNotes(h, res.Notes)
	return res.Err()
}

// held is the result of checking a plan against policies.
type held struct {
	*policy.Result
	// root is PATH of the command line, to which positions are relative. app is the app directory in it.
	root, app string
}

// policies checks the plan of the app in dir against the policies of the command line, of the app, and of the directories
// above the app in PATH, which is the repository or a directory that holds only the app.
func policies(c *ucli.Context, h *Host, p *plan.Plan, set func() *plan.Origins, dir string) (*held, error) {
	out := &held{}
	var err error
	if out.root, err = appPath(c); err != nil {
		return nil, err
	}
	a, err := app.OpenWithin(out.root, dirIn(p))
	if err != nil {
		return nil, err
	}
	defer a.Close()
	in := policy.Input{Plan: p, Origins: set, App: a}
	if repository, _ := a.Repository(); repository != nil {
		in.App = repository
	}
	if out.app, err = filepath.Rel(out.root, dir); err != nil {
		return nil, fault.Wrap(fault.Bug, err, "%s is not in %s", dir, out.root)
	}
	out.app = filepath.ToSlash(out.app)
	in.Dirs = policy.Between(path.Clean(dirIn(p)), out.app)
	if in.Given, err = givenPolicies(c, h, a); err != nil {
		return nil, err
	}
	out.Result, err = policy.Check(in)
	return out, err
}

// givenPolicies returns the policies of the command line.
func givenPolicies(c *ucli.Context, h *Host, a *app.App) (out [][]catalog.Source, err error) {
	from, err := policyModules(c, h, a)
	if err != nil {
		return nil, err
	}
	for _, name := range c.StringSlice("policy") {
		var files []catalog.Source
		if isModule(name) {
			files, err = modulePolicy(c, from, a, name)
		} else {
			files, err = policySources(name)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, files)
	}
	return out, nil
}

// policySources reads what --policy names. Symlinks cannot lead out of a folder, because others may have written it.
func policySources(name string) ([]catalog.Source, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, fault.Wrap(fault.Usage, err, "--policy %s cannot be read", name)
	}
	if !info.IsDir() {
		return policyFile(name, info)
	}
	root, err := os.OpenRoot(name)
	if err != nil {
		return nil, fault.Wrap(fault.Usage, err, "--policy %s cannot be read", name)
	}
	defer root.Close()
	from, err := catalog.ReadSources(root.FS(), ".", filepath.ToSlash(filepath.Clean(name)))
	if err == nil && len(from) == 0 {
		err = fault.New(fault.Usage, "--policy %s contains no policy", name).WithHint("policies are .cue files directly in the folder")
	}
	return from, err
}

func policyFile(name string, info fs.FileInfo) ([]catalog.Source, error) {
	switch {
	case filepath.Ext(name) != ".cue":
		return nil, fault.New(fault.Usage, "--policy %s is not a policy", name).WithHint("a policy is a .cue file")
	case !info.Mode().IsRegular():
		return nil, fault.New(fault.Usage, "--policy %s is not a regular file", name)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, fault.Wrap(fault.Usage, err, "--policy %s cannot be read", name)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, catalog.MaxSource+1))
	if err != nil {
		return nil, fault.Wrap(fault.Usage, err, "--policy %s cannot be read", name)
	}
	return []catalog.Source{{Name: filepath.ToSlash(filepath.Clean(name)), Data: text}}, nil
}

// needsPlan refuses --policy and --locked for an image, because there is no plan to check.
func needsPlan(c *ucli.Context, image string) error {
	if c.Bool("locked") {
		return fault.New(fault.Usage, "--locked applies to plans, but %s is already built", image)
	}
	if len(c.StringSlice("policy")) == 0 {
		return nil
	}
	return fault.New(fault.Usage, "--policy applies to plans, but %s is already built", image).
		WithHint("check the app's plan against it: nixpacks vet PATH --policy …")
}

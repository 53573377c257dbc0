package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	ucli "github.com/urfave/cli/v2"

	"github.com/nixpacks-cue/nixpacks/engine/app"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/lock"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
	"github.com/nixpacks-cue/nixpacks/engine/plan2llb"
	"github.com/nixpacks-cue/nixpacks/engine/solve"
)

const lockName = "lock"

func lockCommand(h *Host) *ucli.Command {
	flags := slices.Concat(planFlags(), secretFlags(), engineFlags(), []ucli.Flag{
		platformFlag(),
		&ucli.StringSliceFlag{Name: "policy", Category: aboutConfig, Usage: "also pin the policies in the registry module `MODULE@VERSION`, for use with --policy (repeatable)"},
		&ucli.BoolFlag{Name: "update", Category: aboutConfig, Usage: "update pins to the newest versions and print the changes; modules keep their major version"},
	})
	return &ucli.Command{
		Name:      lockName,
		Usage:     "pin the base images and packages of an app's builds",
		ArgsUsage: "[PATH]",
		Description: "Writes " + lock.File + ": the digests of the images that the plan names, the hashes of Nix package archives, and the Debian\n" +
			"packages that apt installs. Existing pins are kept, unless --update is given and the plan uses them. With --locked, plans\n" +
			"and builds that use anything else are rejected. nixpacks providers add pins modules with providers.",
		Flags:  flags,
		Action: func(c *ucli.Context) error { return lockAction(c, h) },
	}
}

// lockedFlag belongs to commands that build, check or print a plan.
func lockedFlag() ucli.Flag {
	return &ucli.BoolFlag{Name: "locked", Category: aboutConfig, Usage: "fail if an input is not pinned in " + lock.File + " or differs from its pin"}
}

// pinTo applies the pins of the app's lock to a plan. With --locked it refuses a plan that does not match them.
func pinTo(c *ucli.Context, h *Host, a *app.App, p *plan.Plan) error {
	if h.pins != nil { // the pins are still to be found
		return nil
	}
	l, err := lock.Of(a)
	if err != nil {
		return err
	}
	l.Apply(p)
	if !c.Bool("locked") {
		return nil
	}
	if _, there := a.Stat(lock.Path(a)); !there {
		return fault.New(fault.Usage, "--locked requires a %s, and the app has none", lock.File).WithHint("create it: nixpacks lock %s", appArgs(a))
	}
	if lines := l.Drift(p); lines != nil {
		f := fault.New(fault.Refused, "the plan does not match %s", lock.File).WithHint("look at what changes, and pin it: nixpacks lock --update %s", appArgs(a))
		f.Detail = strings.Join(lines, "\n")
		return f
	}
	return nil
}

// appArgs returns the command-line arguments that name an app.
func appArgs(a *app.App) string {
	if repository, place := a.Repository(); repository != nil {
		return repository.Dir() + " --app " + place
	}
	return a.Dir()
}

func lockAction(c *ucli.Context, h *Host) error {
	path, err := appPath(c)
	if err != nil {
		return err
	}
	old, file, err := lockOf(c, path)
	if err != nil {
		return err
	}
	next := old.Clone()
	var moved []move
	if c.Bool("update") {
		if moved, err = updateModules(c, h, next); err != nil {
			return err
		}
	}
	if err := pinPolicies(c, h, next); err != nil {
		return err
	}
	found, err := pinsOfPlan(c, h, path, next)
	if err != nil {
		return err
	}
	next.Add(found, c.Bool("update"))
	if err := writeLock(file, next); err != nil {
		return err
	}
	var kept []string
	if c.Bool("update") {
		kept = next.Beyond(found)
	}
	return printChanges(h, file, old.Changes(next), kept, moved)
}

// pinsOfPlan returns a lock with only what the plan of the app at path starts from, at its current state. The plan uses the
// modules of the given lock.
func pinsOfPlan(c *ucli.Context, h *Host, path string, modules *lock.Lock) (*lock.Lock, error) {
	as := *h
	as.pins = modules
	p, err := planOf(c, &as, path)
	if err != nil {
		return nil, err
	}
	pins, err := resolvePins(c, h, path, p.Plan, modules)
	if err != nil {
		return nil, err
	}
	found := &lock.Lock{}
	pin(found, pins)
	found.PinArchives(p.Plan)
	return found, nil
}

// pin adds the pins that were found to a lock.
func pin(l *lock.Lock, found []solve.Pin) {
	for _, p := range found {
		if p.Apt != nil {
			l.PinApt(p.Ref, p.Apt, p.Date)
		} else {
			l.PinImage(p.Ref, p.Variant, p.Hash, p.Date)
		}
	}
}

// explainMoved adds to the fault of a build whose Debian packages differ from the lock which packages those are.
func (b *theBuild) explainMoved(c *ucli.Context, err error) error {
	var moved *solve.AptMoved
	var f *fault.Fault
	if !errors.As(err, &moved) || !errors.As(err, &f) {
		return err
	}
	l, _, failed := lockOf(c, b.path)
	if failed != nil {
		return err
	}
	next := l.Clone()
	pin(next, moved.Now)
	f.Detail = strings.Join(l.AptMoves(next), "\n")
	return err
}

// printChanges prints what the command changed, and what it kept although it was to update.
func printChanges(h *Host, file string, changes, kept []string, moved []move) error {
	said := file + " is up to date"
	if changes != nil {
		said = "wrote " + file
	}
	err := errors.Join(printLines(h, changes), printLines(h, kept), printMoves(h, moved))
	fmt.Fprintln(h.Stderr, said)
	return err
}

func printLines(h *Host, lines []string) error {
	for _, line := range lines {
		if _, err := fmt.Fprintln(h.Stdout, fault.Visible(line)); err != nil {
			return fault.Wrap(fault.Usage, err, "cannot write the output")
		}
	}
	return nil
}

// pinPolicies pins the modules of --policy.
func pinPolicies(c *ucli.Context, h *Host, l *lock.Lock) error {
	from, err := registries(c, h)
	if err != nil {
		return err
	}
	for _, name := range c.StringSlice("policy") {
		if !isModule(name) {
			return fault.New(fault.Usage, "--policy %s is not MODULE@VERSION", name).WithHint("policy files need no pin, only modules of a registry")
		}
		if _, ok := l.Policies[name]; ok { // any version of that major version: keep the pinned one, which is the newest with --update
			continue
		}
		m, err := from.Find(c.Context, name)
		if err != nil {
			return err
		}
		if _, err := policiesIn(m); err != nil {
			return err
		}
		lock.Set(&l.Policies, m.Pin)
	}
	return nil
}

// resolvePins resolves the images of the app's plan, and the Debian packages that apt installs, if they are not pinned or are
// to be updated.
func resolvePins(c *ucli.Context, h *Host, path string, p *plan.Plan, so *lock.Lock) (pins []solve.Pin, err error) {
	if !c.Bool("update") { // new pins are resolved on top of those that exist
		p = p.Clone()
		so.Apply(p)
	}
	if !lock.Asks(p) {
		return nil, nil
	}
	on, err := platform(c.String("platform"))
	if err != nil {
		return nil, err
	}
	b := theBuild{path: path}
	if b.request.Secrets, err = givenSecrets(c, h); err != nil { // credentials for the archive
		return nil, err
	}
	if err := b.networks(c, h); err != nil {
		return nil, err
	}
	b.request.Bases.Pins = nil // they are still to be found
	if b.request.Bases.Known = so.AptHashes(); c.Bool("update") {
		b.request.Bases.Known, b.request.Bases.Dates = nil, nil
	}
	b.request.Bases.Refresh = c.Bool("pull") || c.Bool("update") && !c.Bool("offline")
	b.request.Lower = plan2llb.Input{Plan: p, Platform: on}
	b.request.Progress = progressOptions(c, h)
	err = withEngine(c, h, func(e *solve.Engine) error {
		pins, err = e.Pins(c.Context, b.request)
		return err
	})
	return pins, err
}

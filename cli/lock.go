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
		&ucli.StringSliceFlag{Name: "policy", Category: aboutConfig, Usage: "also pin the policies in `MODULE@VERSION` of a registry, for --policy (repeatable)"},
		&ucli.BoolFlag{Name: "update", Category: aboutConfig, Usage: "look for what is newer, pin it in place of what is pinned, and print what changes; modules keep their major version"},
	})
	return &ucli.Command{
		Name:      lockName,
		Usage:     "pin what an app's builds start from",
		ArgsUsage: "[PATH]",
		Description: "Writes " + lock.File + ": what the images are that the app's plan names, the hashes of the archives of Nix packages, and which Debian\n" +
			"packages apt takes. What is pinned there stays, unless --update is given and the plan has it. With --locked a plan or a build that has anything else is refused.\n" +
			"Modules with providers are pinned by nixpacks providers add.",
		Flags:  flags,
		Action: func(c *ucli.Context) error { return lockAction(c, h) },
	}
}

// lockedFlag is that of commands whose plan goes somewhere.
func lockedFlag() ucli.Flag {
	return &ucli.BoolFlag{Name: "locked", Category: aboutConfig, Usage: "refuse what " + lock.File + " does not pin, or pins to something else"}
}

// pinTo makes a plan what the app's lock pins it to, and with --locked refuses it where that cannot be.
func pinTo(c *ucli.Context, h *Host, a *app.App, p *plan.Plan) error {
	if h.pins != nil { // which are to be found
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
		return fault.New(fault.Usage, "--locked holds an app to its %s, and this one has none", lock.File).WithHint("write it: nixpacks lock %s", asNamed(a))
	}
	if lines := l.Drift(p); lines != nil {
		f := fault.New(fault.Refused, "the plan is not the one that %s pins", lock.File).WithHint("look at what changes, and pin it: nixpacks lock --update %s", asNamed(a))
		f.Detail = strings.Join(lines, "\n")
		return f
	}
	return nil
}

// asNamed are the words of a command line that name an app.
func asNamed(a *app.App) string {
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
	return sayChanges(h, file, old.Changes(next), kept, moved)
}

// pinsOfPlan is a lock of no more than what the plan of the app at a path starts from, as that is now. The app has the modules of
// the lock that is given.
func pinsOfPlan(c *ucli.Context, h *Host, path string, modules *lock.Lock) (*lock.Lock, error) {
	as := *h
	as.pins = modules
	p, err := planOf(c, &as, path)
	if err != nil {
		return nil, err
	}
	pins, err := pinsNow(c, h, path, p.Plan, modules)
	if err != nil {
		return nil, err
	}
	found := &lock.Lock{}
	pin(found, pins)
	found.PinArchives(p.Plan)
	return found, nil
}

// pin pins in a lock what was found.
func pin(l *lock.Lock, found []solve.Pin) {
	for _, p := range found {
		if p.Apt != nil {
			l.PinApt(p.Ref, p.Apt, p.Date)
		} else {
			l.PinImage(p.Ref, p.Variant, p.Hash, p.Date)
		}
	}
}

// moved adds to the fault of a build whose Debian packages are not those of the lock which ones they are now.
func (b *theBuild) moved(c *ucli.Context, err error) error {
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

// sayChanges ends the command with what it changed, and what it kept though it was to update.
func sayChanges(h *Host, file string, changes, kept []string, moved []move) error {
	said := file + " has all of it already"
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
			return fault.New(fault.Usage, "--policy %s is no MODULE@VERSION", name).WithHint("files of policies need no pin: they are the app's, or yours")
		}
		if _, ok := l.Policies[name]; ok { // any of that major version: the one that is pinned, which is the newest with --update
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

// pinsNow asks what the images of the plan of the app at a path are, and which Debian packages apt takes, where that is not pinned or to
// be updated.
func pinsNow(c *ucli.Context, h *Host, path string, p *plan.Plan, so *lock.Lock) (pins []solve.Pin, err error) {
	if !c.Bool("update") { // what is new is found out on what is pinned
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
	if b.request.Secrets, err = givenSecrets(c, h); err != nil { // logins for the archive
		return nil, err
	}
	if err := b.networks(c, h); err != nil {
		return nil, err
	}
	b.request.Bases.Pins = nil // they are to be found
	if b.request.Bases.Known = so.AptHashes(); c.Bool("update") {
		b.request.Bases.Known, b.request.Bases.Dates = nil, nil
	}
	b.request.Bases.Refresh = c.Bool("pull") || c.Bool("update") && !c.Bool("offline")
	b.request.Lower = plan2llb.Input{Plan: p, Platform: on}
	b.request.Progress = progress(c, h)
	err = withEngine(c, h, func(e *solve.Engine) error {
		pins, err = e.Pins(c.Context, b.request)
		return err
	})
	return pins, err
}

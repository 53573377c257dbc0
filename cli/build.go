package cli

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"

	ucli "github.com/urfave/cli/v2"

	"github.com/nixpacks-cue/nixpacks/cli/collector"
	"github.com/nixpacks-cue/nixpacks/engine/app"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/image"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
	"github.com/nixpacks-cue/nixpacks/engine/plan2llb"
	"github.com/nixpacks-cue/nixpacks/engine/solve"
)

func buildCommand(h *Host) *ucli.Command {
	flags := slices.Concat(planFlags(), policyFlags(), lowerFlags(), nameFlags(), outFlags(), secretFlags(), engineFlags(), cacheFlags(), outputFlags(), reportFlags(), keepFlags())
	return &ucli.Command{
		Name:      "build",
		Usage:     "build an image of an app",
		ArgsUsage: "[PATH]",
		Description: "Builds with the embedded BuildKit; Docker is not needed. Without --output, the image is kept\n" +
			"for nixpacks run. Progress is printed to stderr.",
		Flags: flags,
		Action: func(c *ucli.Context) error {
			if err := checkOutputPaths(c); err != nil {
				return err
			}
			if c.IsSet("report") {
				return reported(c, *h)
			}
			b, err := newBuild(c, h)
			if err != nil {
				return err
			}
			_, err = b.run(c, h)
			return err
		},
	}
}

// run builds the image, or writes the files of --out, and prints the result. The report is nil if nothing was built.
func (b *theBuild) run(c *ucli.Context, h *Host) (*solve.Report, error) {
	if err := b.refuseUnasked(); err != nil {
		return nil, err
	}
	if dir := c.String("out"); dir != "" {
		return nil, b.writeOut(c, h, dir)
	}
	var report *solve.Report
	err := withEngine(c, h, func(e *solve.Engine) (err error) {
		b.engine = e.Where()
		report, err = e.Build(c.Context, b.request)
		return b.explainMoved(c, err)
	})
	if err != nil {
		return nil, err
	}
	if err := writeMetadata(c, report); err != nil {
		return nil, err
	}
	b.printResult(c, h, report)
	return report, nil
}

// nameFlags set the names of the image, and allow an app without a start command.
func nameFlags() []ucli.Flag {
	return []ucli.Flag{
		&ucli.StringFlag{Name: "name", Aliases: []string{"n"}, Category: aboutImage, Usage: "name the image `NAME`"},
		&ucli.StringSliceFlag{Name: "tag", Aliases: []string{"t"}, Category: aboutImage, Usage: "add the name `NAME` to the image (repeatable)"},
		&ucli.BoolFlag{Name: "no-error-without-start", Category: aboutBuild, Usage: "do not fail if the app has no start command"},
	}
}

// theBuild is the build that the command line asks for.
type theBuild struct {
	request solve.Request
	path    string // the app path, as the user wrote it

	app  string // the app directory; request.AppDir is the root of its workspace
	kept string // the OCI layout that nixpacks run finds by itself; "" with --output

	inDocker bool   // a Docker engine builds, and keeps the image if there is no --output
	engine   string // describes what builds; set once the build has started
}

func newBuild(c *ucli.Context, h *Host) (*theBuild, error) {
	first, more, err := severalPlatforms(c)
	if err != nil {
		return nil, err
	}
	saved, dir, err := enforcedPlan(c, h)
	if err != nil {
		return nil, err
	}
	p := saved.Plan
	if (p.Start == nil || p.Start.Cmd == "") && !c.Bool("no-error-without-start") {
		return nil, noStart(c, h)
	}
	if err := plan2llb.Check(p); err != nil { // first, because errors about secrets quote the plan
		return nil, err
	}
	path, _ := appPath(c) // loadPlan has checked it
	b := &theBuild{path: path}
	if b.request.Lower, err = lowerInput(c, saved); err != nil {
		return nil, err
	}
	if err := errors.Join(b.secrets(c, h), warnOfSecrets(c, h, p)); err != nil {
		return nil, err
	}
	if err := b.stepNetwork(c, h); err != nil {
		return nil, err
	}
	if err := b.ignore(h, dir); err != nil {
		return nil, err
	}
	b.request.AppDir, b.app = filepath.Join(dir, p.App.Up()), dir
	b.request.Stdout = h.Stdout
	b.request.Names = append(oneOrNone(c.String("name")), c.StringSlice("tag")...)
	b.request.Progress = progressOptions(c, h)
	if err := b.networks(c, h); err != nil {
		return nil, err
	}
	if err := b.outputs(c, h); err != nil {
		return nil, err
	}
	return b, b.addPlatforms(c, h, first, more)
}

func oneOrNone(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

// loadPlan reads the plan in --plan, or plans the app. It also returns the app directory.
func loadPlan(c *ucli.Context, h *Host) (*plan.Saved, string, error) {
	file := c.String("plan")
	if file == "" {
		collector.Off()
		defer collect()
		p, err := makePlan(c, h)
		if err != nil {
			return nil, "", err
		}
		if h.course != nil {
			h.course.versions = p.Versions
		}
		return &plan.Saved{Plan: p.Plan, Origins: p.Origins()}, p.dir, nil
	}
	path, err := appPath(c)
	if err != nil {
		return nil, "", err
	}
	p, err := savedPlan(c, file)
	if err != nil {
		return nil, "", err
	}
	a, err := app.OpenWithin(path, dirIn(p.Plan))
	if err != nil {
		return nil, "", err
	}
	defer a.Close()
	return p, a.Dir(), nil
}

// savedPlan reads the plan in --plan. It is built unchanged: flags that would change the plan are refused. The exception is
// --build-image, which also is the only way to name files of this machine.
func savedPlan(c *ucli.Context, file string) (*plan.Saved, error) {
	for _, f := range []string{"install-cmd", "build-cmd", "start-cmd", "process", "pkgs", "apt", "libs", "env", "config", "json-plan", "packages", "no-slim", "include", "providers", "app", "locked"} {
		if c.IsSet(f) {
			return nil, fault.New(fault.Usage, "--%s affects planning, and cannot be combined with --plan %s", f, file).
				WithHint("plan again with this flag: nixpacks plan --%s … > %s", f, file)
		}
	}
	data, err := planFile(file)
	if err != nil {
		return nil, fault.Wrap(fault.Usage, err, "--plan %s cannot be read", file)
	}
	return plan.DecodeSaved(data, file, c.String("build-image"))
}

// planFile reads a saved plan. It stops one byte after the size limit, which is enough to detect a plan that is too large.
func planFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, plan.MaxSaved+1))
}

// outputs sets where the image goes, and the limits, caches and attestations that go with it. Without --output the image
// goes to the store that nixpacks run reads.
func (b *theBuild) outputs(c *ucli.Context, h *Host) (err error) {
	if b.request.Epoch, err = epoch(h, b.request.Lower.Plan); err != nil {
		return err
	}
	if b.request.MaxSize, err = maxSize(c); err != nil {
		return err
	}
	target, err := builderTarget(c, h)
	if err != nil {
		return err
	}
	b.inDocker, b.request.Docker = target.IsDocker(), target.Docker
	if err := errors.Join(b.caches(c), b.attestations(c)); err != nil {
		return err
	}
	if b.request.Outputs, err = b.requestedOutputs(c); err != nil {
		return err
	}
	if len(b.request.Outputs) > 0 {
		return nil
	}
	if b.inDocker { // as docker build does
		b.request.Outputs = []solve.Output{{Type: solve.TypeImage}}
		return nil
	}
	state, err := h.stateDir()
	if err != nil {
		return err
	}
	if b.kept, err = keptAt(state, b.request.Names, b.app); err != nil {
		return err
	}
	b.request.Outputs = []solve.Output{{Type: solve.TypeOCI, Dest: b.kept, Attrs: map[string]string{"tar": "false"}}}
	return image.Clean(filepath.Dir(b.kept)) // left behind by builds that were killed
}

package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/docker/go-units"
	ucli "github.com/urfave/cli/v2"

	"github.com/nixpacks-cue/nixpacks/cli/collector"
	"github.com/nixpacks-cue/nixpacks/engine/app"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/image"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
	"github.com/nixpacks-cue/nixpacks/engine/solve"
)

func buildCommand(h *Host) *ucli.Command {
	flags := slices.Concat(planFlags(), policyFlags(), lowerFlags(), nameFlags(), outFlags(), secretFlags(), engineFlags(), cacheFlags(), outputFlags(), reportFlags(), keepFlags())
	return &ucli.Command{
		Name:      "build",
		Usage:     "build an image of an app",
		ArgsUsage: "[PATH]",
		Description: "Builds with the BuildKit inside this program; no Docker is needed. Without --output the image is kept\n" +
			"for nixpacks run. Progress goes to stderr.",
		Flags:        flags,
		OnUsageError: usageError,
		Action: func(c *ucli.Context) error {
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

// run builds, or writes what --out asks for, and tells what was made; nil for a build that made nothing.
func (b *theBuild) run(c *ucli.Context, h *Host) (*solve.Report, error) {
	if err := b.unasked(); err != nil {
		return nil, err
	}
	if dir := c.String("out"); dir != "" {
		return nil, b.writeOut(c, h, dir)
	}
	var report *solve.Report
	err := withEngine(c, h, func(e *solve.Engine) (err error) {
		b.engine = e.Where()
		report, err = e.Build(c.Context, b.request)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := note(c, report); err != nil {
		return nil, err
	}
	b.tell(c, h, report)
	return report, nil
}

// nameFlags say what is built, and under which names.
func nameFlags() []ucli.Flag {
	return []ucli.Flag{
		&ucli.StringFlag{Name: "name", Aliases: []string{"n"}, Category: aboutImage, Usage: "name the image `NAME`"},
		&ucli.StringSliceFlag{Name: "tag", Aliases: []string{"t"}, Category: aboutImage, Usage: "also name the image `NAME` (repeatable)"},
		&ucli.BoolFlag{Name: "no-error-without-start", Category: aboutBuild, Usage: "build an app that has no start command"},
	}
}

// theBuild is a build that the command line asks for.
type theBuild struct {
	request solve.Request
	path    string // the app, as the user wrote it

	app  string // its directory; the request has that of the workspace
	kept string // the layout that nixpacks run finds by itself; "" with --output

	inDocker bool   // a docker engine builds, and keeps what has no --output
	engine   string // what builds, in words, once it does
}

func newBuild(c *ucli.Context, h *Host) (*theBuild, error) {
	first, more, err := severalPlatforms(c)
	if err != nil {
		return nil, err
	}
	saved, dir, err := heldPlan(c, h)
	if err != nil {
		return nil, err
	}
	p := saved.Plan
	if (p.Start == nil || p.Start.Cmd == "") && !c.Bool("no-error-without-start") {
		return nil, noStart(c, h)
	}
	path, _ := appPath(c) // thePlan has read it
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
	b.request.Progress = solve.Progress{Mode: progressMode(c, h), Out: h.Stderr, Hide: hidden(h.Environ)}
	if err := b.networks(c, h); err != nil {
		return nil, err
	}
	if err := b.outputs(c, h); err != nil {
		return nil, err
	}
	return b, b.also(c, h, first, more)
}

func oneOrNone(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

// thePlan is the plan of --plan, or the one made for the app, with the app's directory.
func thePlan(c *ucli.Context, h *Host) (*plan.Saved, string, error) {
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

// savedPlan reads the plan of --plan. It is built as it is: flags that would change it are refused, but for
// --build-image, which alone may name files of this machine.
func savedPlan(c *ucli.Context, file string) (*plan.Saved, error) {
	for _, f := range []string{"install-cmd", "build-cmd", "start-cmd", "pkgs", "apt", "libs", "env", "config", "json-plan", "packages", "no-slim", "include", "providers", "app", "locked"} {
		if c.IsSet(f) {
			return nil, fault.New(fault.Usage, "--%s says what to plan, and --plan %s is planned already", f, file).
				WithHint("plan again with it: nixpacks plan --%s … > %s", f, file)
		}
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fault.Wrap(fault.Usage, err, "--plan %s cannot be read", file)
	}
	return plan.DecodeSaved(data, file, c.String("build-image"))
}

// outputs reads --output; without one the image goes to the store that nixpacks run knows.
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
	if b.request.Outputs, err = b.wanted(c); err != nil {
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
	return image.Clean(filepath.Dir(b.kept)) // what builds that were killed had begun
}

// tell ends a build with what was made and what to do next.
func (b *theBuild) tell(c *ucli.Context, h *Host, r *solve.Report) {
	if c.String("progress") == "quiet" {
		return
	}
	took := r.Duration.Round(10 * time.Millisecond)
	for _, o := range r.Outputs {
		digest := ""
		if o.Digest != "" {
			digest = " " + shortDigest(o.Digest.String())
			if size := sizeOf(o.Dest); size > 0 { // as it is kept and sent: compressed
				digest += ", " + units.HumanSize(float64(size)) + ","
			}
		}
		where := o.Dest
		if b.kept != "" || o.Dest == "" {
			where = b.called()
		}
		fmt.Fprintf(h.Stderr, "built %s%s in %s (%d of %d steps from the cache)\n", where, digest, took, r.Cached, r.Steps)
	}
	if in := r.Outputs[0]; in.Dest == "" && (in.Type == solve.TypeDocker || b.inDocker) {
		name := in.Digest.String() // an image without a name has this one
		if len(b.request.Names) > 0 {
			name = b.request.Names[0]
		}
		fmt.Fprintf(h.Stderr, "run it with: docker run %s\n", name)
	} else if words := b.runnable(c, h, r); words != nil {
		fmt.Fprintf(h.Stderr, "run it with: %s run %s\n", programName(), shellwords(words))
	}
}

// called is how the kept image is referred to: by its name, else by the app's path.
func (b *theBuild) called() string {
	if len(b.request.Names) > 0 {
		return b.request.Names[0]
	}
	return b.path
}

// runnable is what nixpacks run takes to run what was built: the image's name, or the words of this build
// (run takes the same flags, and finds everything in the cache), or the file that was written. Values of variables
// are not repeated, for they may be secret: the image itself is named then.
func (b *theBuild) runnable(c *ucli.Context, h *Host, r *solve.Report) []string {
	if b.kept != "" {
		if len(b.request.Names) > 0 {
			return b.request.Names[:1]
		}
		if c.IsSet("env") || c.IsSet("report") { // the values of the first are secret perhaps, and run makes none of the second
			return []string{b.kept}
		}
		return h.words
	}
	for _, o := range r.Outputs {
		if (o.Type == solve.TypeOCI || o.Type == solve.TypeDocker) && o.Dest != "-" && o.Dest != "" {
			return []string{o.Dest}
		}
	}
	return nil
}

// shellwords quotes words for a shell where that is needed.
func shellwords(words []string) string {
	out := make([]string, len(words))
	for i, w := range words {
		if out[i] = w; w == "" || strings.ContainsAny(w, " \t\n'\"\\$`&|;<>()*?[]#~!{}") {
			out[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
	}
	return strings.Join(out, " ")
}

func shortDigest(d string) string {
	if alg, hex, ok := strings.Cut(d, ":"); ok && len(hex) > 12 {
		return alg + ":" + hex[:12]
	}
	return d
}

// programName is how the user called this program: `go run` puts it below a folder of its own.
func programName() string {
	if exe, err := os.Executable(); err == nil && strings.Contains(filepath.ToSlash(exe), "/go-build") {
		return "go run ./cli/nixpacks"
	}
	return "nixpacks"
}

package cli

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"

	ucli "github.com/urfave/cli/v2"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/image"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
	"github.com/nixpacks-cue/nixpacks/engine/plan2llb"
	"github.com/nixpacks-cue/nixpacks/engine/solve"
)

// defaultFrontend is the image with which BuildKit builds a plan that --out wrote, unless --frontend or NIXPACKS_FRONTEND
// names another.
const defaultFrontend = "ghcr.io/nixpacks-cue/nixpacks:0"

// frontendVariable names the frontend for everything that --out writes on a machine. The operator sets it, not the app.
const frontendVariable = "NIXPACKS_FRONTEND"

// outDir is the folder of a written build, below --out and in an app that is built from it.
const outDir = ".nixpacks"

// buildScript is the file in outDir that calls docker build.
const buildScript = "build.sh"

func outFlags() []ucli.Flag {
	return []ucli.Flag{
		&ucli.StringFlag{Name: "out", Aliases: []string{"o"}, Category: aboutImage, Usage: "do not build; write the app to `DIR`, with the files for docker build in DIR/.nixpacks"},
		&ucli.StringFlag{Name: "frontend", Category: aboutImage, Usage: "with --out, use the frontend image `REF` (default: $" + frontendVariable + ", else " + defaultFrontend + ")"},
	}
}

// writeOut writes the input of a docker build that replaces this build.
func (b *theBuild) writeOut(c *ucli.Context, h *Host, dir string) error {
	saved, err := b.saved(c, h)
	if err == nil {
		err = plan2llb.Check(saved.Plan)
	}
	if err != nil {
		return err
	}
	to, err := newTarget(dir)
	if err != nil {
		return err
	}
	defer to.Close()
	// Copy what surrounds the app too: its ignore files and policies also apply to docker build.
	if err := to.copyApp(filepath.Join(b.app, b.request.Lower.Plan.App.Above())); err != nil {
		return err
	}
	files := map[string]string{"plan.json": string(saved.JSON()), buildScript: b.script(c)}
	// BuildKit of any version finds the frontend by this line. It knows the syntax field only since 0.12.
	files["Dockerfile"] = "# syntax=" + saved.Syntax + "\n" + files["plan.json"]
	maps.Copy(files, plan2llb.NixExpressions(saved.Plan))
	if err := to.writeOurs(files); err != nil {
		return err
	}
	script := filepath.Join(dir, outDir, buildScript)
	if c.String("progress") != "quiet" {
		fmt.Fprintf(h.Stderr, "wrote %s\nbuild it with: %s\n", filepath.Join(dir, outDir), shellwords([]string{script}))
	}
	return nil
}

// saved returns the plan for others to build, with the frontend and with the cache key of this build.
func (b *theBuild) saved(c *ucli.Context, h *Host) (*plan.Saved, error) {
	in := b.request.Lower
	if err := b.portable(in.Plan); err != nil {
		return nil, err
	}
	if c.IsSet("max-size") {
		return nil, fault.New(fault.Usage, "--max-size cannot be combined with --out").WithHint("docker build does not support it; build without --out")
	}
	if len(in.Mirrors) > 0 {
		return nil, fault.New(fault.Usage, "--mirror cannot be combined with --out").WithHint("use the mirror's URLs in the plan, or build without --out")
	}
	s := &plan.Saved{Plan: in.Plan, CacheKey: in.CacheKey,
		Syntax: cmp.Or(c.String("frontend"), environMap(h.Environ)[frontendVariable], defaultFrontend)}
	if _, err := solve.FullName(s.Syntax); err != nil {
		return nil, fault.New(fault.Usage, "%q is not a valid frontend image", s.Syntax).WithHint("give --frontend REF, such as %s", defaultFrontend)
	}
	if in.NoCache {
		s.Plan, s.CacheKey = withoutCaches(in.Plan), ""
		return s, nil
	}
	if s.CacheKey == "" {
		key, err := solve.DefaultCacheKey(b.request.AppDir)
		if err != nil {
			return nil, err
		}
		s.CacheKey = key
	}
	return s, nil
}

// portable refuses bases that exist only on this machine.
func (b *theBuild) portable(p *plan.Plan) error {
	refs := []string{p.BuildImage}
	if p.Start != nil {
		refs = append(refs, p.Start.RunImage)
	}
	for _, ref := range refs {
		if solve.IsLocalBase(ref) {
			return fault.New(fault.Refused, "the plan uses the base %s, which nixpacks makes locally and docker build cannot use", ref).
				WithHint("use an image in a registry: --build-image REF, or --env NIXPACKS_BUILD_IMAGE=REF")
		}
	}
	return nil
}

// withoutCaches returns the plan without cache directories, for --no-cache.
func withoutCaches(p *plan.Plan) *plan.Plan {
	out := *p
	out.Phases = map[string]*plan.Phase{}
	for name, ph := range p.Phases {
		bare := *ph
		bare.CacheDirectories = nil
		out.Phases[name] = &bare
	}
	return &out
}

// script returns a script with the docker build that is equivalent to this build. It passes its own arguments to docker
// build.
func (b *theBuild) script(c *ucli.Context) string {
	in := b.request.Lower
	words := []string{"docker", "build", "-f", outDir + "/Dockerfile"}
	for _, n := range b.request.Names {
		words = append(words, "-t", n)
	}
	for _, k := range slices.Sorted(maps.Keys(in.Labels)) {
		words = append(words, "--label", k+"="+in.Labels[k])
	}
	if p := c.String("platform"); p != "" {
		words = append(words, "--platform", p)
	}
	if in.NoCache {
		words = append(words, "--no-cache")
	}
	for _, host := range c.StringSlice("add-host") {
		words = append(words, "--add-host", host)
	}
	if len(in.Hosts) > 0 && in.Network == plan2llb.NetworkHost {
		words = append(words, "--network", "host")
	}
	for _, s := range c.StringSlice("secret") {
		words = append(words, "--secret", s)
	}
	for _, s := range c.StringSlice("ssh") {
		words = append(words, "--ssh", s)
	}
	return "#!/bin/sh\n# Builds the app with docker; needs no nixpacks on this machine.\nset -e\n" +
		"cd \"$(dirname \"$0\")/..\"\nDOCKER_BUILDKIT=1 exec " + shellwords(words) + " \"$@\" .\n"
}

// writeFile writes a file completely or not at all, and creates its parent directories.
func writeFile(name, text string) error {
	f, err := image.Create(name)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(f, text); err != nil {
		f.Abort()
		return fault.Wrap(fault.Usage, err, "cannot write %s", name)
	}
	return f.Commit()
}

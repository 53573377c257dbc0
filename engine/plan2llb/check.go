package plan2llb

import (
	"errors"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/containerd/platforms"
	"github.com/distribution/reference"
	"github.com/moby/patternmatcher"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/lazy"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

var (
	debianPackage = lazy.Regexp(`^[A-Za-z0-9][A-Za-z0-9+.:=~/_*-]*$`)
	revision      = lazy.Regexp(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)
	nixHash       = lazy.Regexp(`^(sha256[-:])?[0-9A-Za-z+/]{43,64}=?$`)
	userName      = lazy.Regexp(`^[A-Za-z0-9_][A-Za-z0-9_.-]*(:[A-Za-z0-9_][A-Za-z0-9_.-]*)?$`)
	stopSignal    = lazy.Regexp(`^(SIG[A-Z0-9+-]+|[0-9]+)$`)
)

// checks collects the faults of an input.
type checks struct{ faults []error }

func (c *checks) add(code fault.Code, format string, args ...any) *fault.Fault {
	f := fault.New(code, format, args...)
	c.faults = append(c.faults, f)
	return f
}

func (c *checks) refuse(format string, args ...any) *fault.Fault {
	return c.add(fault.Refused, format, args...)
}

// check validates the input and returns the order of the phases. It normalizes in.Platform.
func check(in *Input) ([]string, error) {
	c := &checks{}
	if in.Plan == nil {
		return nil, fault.New(fault.Bug, "there is no plan to lower")
	}
	in.Platform = platforms.Normalize(in.Platform) // arm64/v8 is arm64
	if in.Platform.OS != "linux" || in.Platform.Architecture == "" {
		c.add(fault.Usage, "images are built for linux/ARCHITECTURE, not for %q", in.Platform.OS+"/"+in.Platform.Architecture).
			WithHint("try --platform linux/amd64")
	}
	c.sources(in)
	c.options(in)
	c.plan(in.Plan)
	c.aptHashes(in)
	if len(c.faults) > 0 {
		return nil, errors.Join(c.faults...)
	}
	return in.Plan.Sorted()
}

// Check refuses a plan that no input can lower.
func Check(p *plan.Plan) error {
	c := &checks{}
	c.plan(p.Rooted())
	if len(c.faults) > 0 {
		return errors.Join(c.faults...)
	}
	_, err := p.Sorted()
	return err
}

func (c *checks) plan(p *plan.Plan) {
	for _, name := range slices.Sorted(maps.Keys(p.Phases)) {
		if ph := p.Phases[name]; ph == nil {
			c.refuse("phases.%s is null", name).WithHint("remove the phase instead")
		} else {
			c.phase("phases."+name, ph)
		}
	}
	c.forStart(p)
	c.commands(p)
	c.variables("variables", p.Variables)
	c.assets(p.StaticAssets)
	c.hashes(p.NixHashes)
	c.start(p.Start)
	c.nixPkgs(p)
}

func (c *checks) sources(in *Input) {
	source := func(field string, s Source) {
		if s.Ref == "" && !s.Layout || s.Layout && (s.Digest == "" || s.StoreID == "") {
			c.add(fault.Bug, "%s was not resolved", field)
		}
		if _, err := reference.ParseNormalizedNamed(s.Ref); err != nil && !s.Layout && s.State == nil && s.Ref != "" {
			c.refuse("%s: %q is not an image reference: %v", field, s.Ref, err)
		}
		if s.Digest != "" && s.Digest.Validate() != nil {
			c.add(fault.Bug, "%s: %q is not a digest", field, s.Digest)
		}
	}
	source("buildImage", in.Base)
	wanted := in.Plan.Start != nil && in.Plan.Start.RunImage != ""
	if wanted != (in.Run != nil) {
		c.add(fault.Bug, "start.runImage was not resolved")
	}
	if in.Run != nil {
		source("start.runImage", *in.Run)
	}
}

func (c *checks) options(in *Input) {
	for _, m := range in.Mirrors {
		web := strings.HasPrefix(m.To, "https://") || strings.HasPrefix(m.To, "http://")
		if m.From == "" || !web && !strings.HasPrefix(m.To, fileScheme+"/") {
			c.add(fault.Usage, "mirror %q for %q must replace a URL prefix with one that starts with https://, http:// or file:///", m.To, m.From)
		}
	}
	if _, err := patternmatcher.New(in.Ignore); err != nil {
		c.refuse("invalid pattern in the list of ignored files: %v", err)
	}
	for _, h := range in.Hosts {
		if h.Name == "" || !h.Addr.IsValid() {
			c.add(fault.Usage, "host %q needs a name and an address", h.Name)
		}
	}
}

func (c *checks) phase(at string, ph *plan.Phase) {
	c.debian(at+".aptPkgs", ph.AptPkgs)
	if ph.UsesNix() && !revision().MatchString(ph.NixpkgsArchive) {
		c.refuse("%s.nixpkgsArchive: %q is not a revision of nixpkgs", at, ph.NixpkgsArchive).
			WithHint("give a commit hash, or the name of a branch or tag")
	}
	for _, dir := range ph.CacheDirectories {
		if t := cacheTarget(dir); t == "/" || t == AppDir {
			c.refuse("%s.cacheDirectories: %q would hide the whole app", at, dir)
		}
	}
	c.paths(at+".onlyIncludeFiles", ph.OnlyIncludeFiles)
	c.paths(at+".inputs", ph.Inputs)
	c.paths(at+".outputs", ph.Outputs)
	c.variables(at+".variables", ph.Variables)
	c.secrets(at, ph)
	for _, cmd := range ph.Cmds {
		if strings.ContainsRune(cmd, 0) {
			c.refuse("%s.cmds: a command contains a NUL character", at)
		}
	}
}

// maxCommands is the maximum number of commands in a plan. Each command is a layer, Linux stacks at most 500 layers,
// and the base, packages and the source are layers too.
const maxCommands = 450

// commands refuses too many commands early: otherwise the build would fail only after the others have run.
func (c *checks) commands(p *plan.Plan) {
	n := 0
	for _, ph := range p.Phases {
		if ph != nil {
			n += len(ph.Cmds)
		}
	}
	if n > maxCommands {
		c.refuse("the plan has %d commands, but at most %d are supported", n, maxCommands).
			WithHint("each command is a layer, and Linux supports 500 layers: combine commands, such as \"make && make install\"")
	}
}

func (c *checks) debian(at string, pkgs []string) {
	for _, p := range pkgs {
		for _, name := range strings.Fields(p) {
			if !debianPackage().MatchString(name) {
				c.refuse("%s: %q is not the name of a Debian package", at, name)
			}
		}
	}
}

// paths refuses files outside the app: a build must not depend on files beside it.
func (c *checks) paths(at string, files []string) {
	for _, f := range files {
		if f == "" || slices.Contains(strings.Split(f, "/"), "..") {
			c.refuse("%s: %q is not a path inside the app", at, f)
		} else if _, err := patternmatcher.New([]string{f}); err != nil {
			c.refuse("%s: %q is not a pattern: %v", at, f, err)
		} else if _, ok := expandBraces(f); !ok {
			c.refuse("%s: %.80q is too long, or has too many alternatives", at, f).
				WithHint("a pattern can have at most %d bytes, and its braces at most %d alternatives: split it", maxPattern, maxAlternatives)
		}
	}
}

func (c *checks) variables(at string, vars map[string]string) {
	for _, k := range slices.Sorted(maps.Keys(vars)) {
		if k == "" || strings.ContainsAny(k, "=\x00") || strings.ContainsRune(vars[k], 0) {
			c.refuse("%s: %q is not a valid variable", at, k).WithHint("a name cannot contain '=', and neither it nor its value a NUL character")
		}
	}
}

// assets refuses names that escape /assets, and a file at a path where another one needs a folder.
func (c *checks) assets(assets map[string]string) {
	files := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(assets)) {
		file := path.Join("/", name)
		if file == "/" || slices.Contains(strings.Split(name, "/"), "..") || strings.HasSuffix(name, "/") {
			c.refuse("staticAssets: %q is not a path below %s", name, assetsDir)
			continue
		}
		for dir := file; dir != "/"; dir = path.Dir(dir) {
			if other, ok := files[dir]; ok {
				c.refuse("staticAssets: %q and %q cannot both be files", other, name)
			}
		}
		files[file] = name
	}
}

func (c *checks) hashes(hashes map[string]string) {
	for _, archive := range slices.Sorted(maps.Keys(hashes)) {
		if h := hashes[archive]; h != "" && !nixHash().MatchString(h) {
			c.refuse("nixHashes: %q is not a sha256 hash", h).
				WithHint("use the format of nix-prefetch-url --unpack, or sha256-… in base64; \"\" for none")
		}
	}
}

// nixPkgs refuses packages in start.nixPkgs that no phase has.
func (c *checks) nixPkgs(p *plan.Plan) {
	if p.Start == nil {
		return
	}
	has := map[string]bool{}
	for _, ph := range p.Phases {
		if ph != nil {
			for _, n := range ph.NixPkgs {
				has[n] = true
			}
		}
	}
	for _, n := range p.Start.NixPkgs {
		if !has[n] {
			c.refuse("start.nixPkgs: no phase has the Nix package %q", n).WithHint("also add it to phases.setup.nixPkgs")
		}
	}
}

func (c *checks) start(s *plan.Start) {
	if s == nil {
		return
	}
	c.paths("start.onlyIncludeFiles", s.OnlyIncludeFiles)
	c.variables("start.variables", s.Variables)
	c.startConfig("start", s)
	c.debian("start.aptPkgs", s.AptPkgs)
	if s.User != "" && !userName().MatchString(s.User) {
		c.refuse("start.user: %q is not a user name or ID", s.User).WithHint(`write it as "name", "1000" or "1000:1000"`)
	}
}

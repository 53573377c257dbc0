package unify

import (
	"slices"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// flagLayer returns the layer of the command line flags.
func flagLayer(f Flags) (layer, error) {
	p := &plan.Plan{BuildImage: f.BuildImage, Packages: f.Packages}
	more := func(list []string) []string { return append(slices.Clone(list), "...") }
	if len(f.Include) > 0 {
		p.Include = more(f.Include)
	}
	if len(f.Pkgs)+len(f.AptPkgs)+len(f.Libs) > 0 {
		p.Phases = map[string]*plan.Phase{"setup": {
			NixPkgs: more(f.Pkgs), AptPkgs: more(f.AptPkgs), NixLibs: more(f.Libs),
			// Compatibility: with these flags, Nixpacks replaces the provider's overlays by none.
			NixOverlays: []string{},
		}}
	}
	for phase, cmd := range map[string]*string{"install": f.InstallCmd, "build": f.BuildCmd} {
		if cmd == nil {
			continue
		}
		if p.Phases == nil {
			p.Phases = map[string]*plan.Phase{}
		}
		p.Phases[phase] = command(phase, *cmd)
	}
	if f.StartCmd != nil {
		p.Start = &plan.Start{Cmd: *f.StartCmd}
	}
	return layer{plan: p, at: flagAt}, goodPackages(f.Packages, "--packages", fault.Usage)
}

var flagNames = map[string]fault.Pos{
	"phases.setup.nixPkgs": {File: "--pkgs", Label: "-p"},
	"phases.setup.aptPkgs": {File: "--apt", Label: "-a"},
	"phases.setup.nixLibs": {File: "--libs"},
	"phases.install.cmds":  {File: "--install-cmd", Label: "-i"},
	"phases.build.cmds":    {File: "--build-cmd", Label: "-b"},
	"start.cmd":            {File: "--start-cmd", Label: "-s"},
	"buildImage":           {File: "--build-image"},
	"packages":             {File: "--packages"},
	"include":              {File: "--include"},
}

func flagAt(path []string) (fault.Pos, bool) {
	p, ok := flagNames[plan.Path(path...)]
	return p, ok
}

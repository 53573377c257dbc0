package plan

import (
	"maps"
	"slices"
)

// Marker reports whether a list element stands for the list of the layer below: "..." or, in old files, "@auto".
func Marker(s string) bool { return s == "..." || s == "@auto" }

// Fill merges the list over onto base. A nil over leaves base as it is; otherwise over replaces it, with base's elements
// inserted behind each marker. As in Nixpacks the markers stay, so that layers merged below later can fill them again;
// Pin removes them.
func Fill(base, over []string) []string {
	if over == nil {
		return slices.Clone(base)
	}
	out := make([]string, 0, len(base)+len(over))
	for _, s := range over {
		out = append(out, s)
		if Marker(s) {
			out = append(out, base...)
		}
	}
	return out
}

// dropMarkers removes the markers from list; nil stays nil, empty stays empty.
func dropMarkers(list []string) []string {
	return slices.DeleteFunc(list, Marker)
}

// lists returns the lists of the start section, in the order of its fields.
func (s *Start) lists() []*[]string {
	return []*[]string{&s.OnlyIncludeFiles, &s.AptPkgs, &s.NixPkgs, &s.Ports}
}

// lists returns the phase's lists, in the order of its fields.
func (ph *Phase) lists() []*[]string {
	return []*[]string{
		&ph.DependsOn, &ph.NixPkgs, &ph.NixLibs, &ph.NixOverlays, &ph.AptPkgs, &ph.Cmds,
		&ph.OnlyIncludeFiles, &ph.CacheDirectories, &ph.Paths, &ph.Inputs, &ph.Outputs, &ph.Secrets,
	}
}

// UsesNix reports whether the phase has Nix packages or libraries.
func (ph *Phase) UsesNix() bool { return len(ph.NixPkgs) > 0 || len(ph.NixLibs) > 0 }

// Clone returns a deep copy.
func (p *Plan) Clone() *Plan {
	c := *p
	c.Providers = slices.Clone(p.Providers)
	c.Variables = maps.Clone(p.Variables)
	c.DeployVariables = slices.Clone(p.DeployVariables)
	c.StaticAssets = maps.Clone(p.StaticAssets)
	c.NixHashes, c.AptHashes = maps.Clone(p.NixHashes), maps.Clone(p.AptHashes)
	c.Exclude, c.Include = slices.Clone(p.Exclude), slices.Clone(p.Include)
	c.App = p.App.clone()
	c.Phases = maps.Clone(p.Phases)
	for name, ph := range c.Phases {
		c.Phases[name] = ph.clone()
	}
	if p.Start != nil {
		s := *p.Start
		for _, l := range s.lists() {
			*l = slices.Clone(*l)
		}
		s.Variables, s.Healthcheck, s.Labels = maps.Clone(s.Variables), maps.Clone(s.Healthcheck), maps.Clone(s.Labels)
		s.Processes = maps.Clone(s.Processes)
		c.Start = &s
	}
	return &c
}

func (ph *Phase) clone() *Phase {
	c := *ph
	for _, l := range c.lists() {
		*l = slices.Clone(*l)
	}
	c.Variables, c.Credentials = maps.Clone(c.Variables), maps.Clone(c.Credentials)
	return &c
}

// Merge merges the plan over onto base by Nixpacks' rules and changes neither. Single values and map entries of over
// win, lists merge with Fill, phases and start merge field by field. A phase named install or build that base lacks
// depends on setup or install unless over sets its dependencies, except if base has no phases at all. An empty string
// means "not set".
func Merge(base, over *Plan) *Plan {
	out, over := base.Clone(), over.Clone()
	out.Providers = Fill(out.Providers, over.Providers)
	out.BuildImage = last(out.BuildImage, over.BuildImage)
	out.Packages = last(out.Packages, over.Packages)
	out.Variables = overlay(out.Variables, over.Variables)
	out.DeployVariables = Fill(out.DeployVariables, over.DeployVariables)
	out.StaticAssets = overlay(out.StaticAssets, over.StaticAssets)
	out.NixHashes, out.AptHashes = overlay(out.NixHashes, over.NixHashes), overlay(out.AptHashes, over.AptHashes)
	out.Exclude, out.Include = Fill(out.Exclude, over.Exclude), Fill(out.Include, over.Include)
	if over.App != nil {
		out.App = over.App
	}
	if out.Phases == nil {
		out.Phases = over.Phases
	} else {
		for name, ph := range over.Phases {
			below := out.Phases[name]
			if below == nil {
				below = NewPhase(name)
			}
			out.Phases[name] = mergePhase(below, ph)
		}
	}
	if out.Phases == nil {
		out.Phases = map[string]*Phase{}
	}
	out.Start = mergeStart(out.Start, over.Start)
	return out
}

// NewPhase returns a phase that no lower layer has, with the dependency that its name implies.
func NewPhase(name string) *Phase {
	switch name {
	case "install":
		return &Phase{DependsOn: []string{"setup"}}
	case "build":
		return &Phase{DependsOn: []string{"install"}}
	}
	return &Phase{}
}

func mergePhase(base, over *Phase) *Phase {
	// A phase with outputs for the final image needs inputs and outputs in any case.
	if over.Cmds != nil && over.Inputs == nil && !base.ForStart() {
		base.Inputs = nil // they described the commands that over replaces
	}
	if over.Cmds != nil && over.Outputs == nil && !base.ForStart() {
		base.Outputs = nil
	}
	if over.Cmds != nil {
		base.Order = ""
	}
	lists := over.lists()
	for i, l := range base.lists() {
		*l = Fill(*l, *lists[i])
	}
	base.NixpkgsArchive = last(base.NixpkgsArchive, over.NixpkgsArchive)
	base.Variables = overlay(base.Variables, over.Variables)
	base.Credentials = overlay(base.Credentials, over.Credentials)
	base.SSH = last(base.SSH, over.SSH)
	base.Order = last(base.Order, over.Order)
	base.OutputsFor = last(base.OutputsFor, over.OutputsFor)
	return base
}

func mergeStart(base, over *Start) *Start {
	if base == nil || over == nil {
		if base == nil {
			return over
		}
		return base
	}
	base.Cmd = last(base.Cmd, over.Cmd)
	base.RunImage = last(base.RunImage, over.RunImage)
	lists := over.lists()
	for i, l := range base.lists() {
		*l = Fill(*l, *lists[i])
	}
	base.User = last(base.User, over.User)
	base.StopSignal, base.Workdir = last(base.StopSignal, over.StopSignal), last(base.Workdir, over.Workdir)
	base.Variables = overlay(base.Variables, over.Variables)
	base.Healthcheck = overlay(base.Healthcheck, over.Healthcheck)
	base.Labels = overlay(base.Labels, over.Labels)
	base.Processes = overlay(base.Processes, over.Processes)
	return base
}

func last(base, over string) string {
	if over != "" {
		return over
	}
	return base
}

func overlay(base, over map[string]string) map[string]string {
	if base == nil {
		return over
	}
	maps.Copy(base, over)
	return base
}

// Prefixed returns the plan with "name:" before the names of all phases and of their dependencies. It keeps the phases
// of a second provider apart from those of the first.
func (p *Plan) Prefixed(name string) *Plan {
	out := p.Clone()
	if out.Phases == nil {
		return out
	}
	phases := make(map[string]*Phase, len(out.Phases))
	for n, ph := range out.Phases {
		for i, d := range ph.DependsOn {
			ph.DependsOn[i] = name + ":" + d
		}
		phases[name+":"+n] = ph
	}
	out.Phases = phases
	return out
}

package cli

import (
	"maps"
	"slices"
	"strings"

	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// planText formats the plan for people: versions and who asked for them, then phases in the order in which they run.
func planText(h *Host, p *planned) ([]byte, error) {
	order, err := p.Plan.Sorted()
	if err != nil {
		return nil, err
	}
	w := newTable(h)
	w.row("providers", orNone(strings.Join(p.Providers, ", ")))
	w.row("image", p.Plan.BuildImage)
	versionRows(w, versionSources(p.Versions))
	variableRows(w, p.Plan.Variables)
	for _, name := range order {
		phaseRows(w, name, p.Plan.Phases[name])
	}
	startRows(w, p.Plan.Start)
	return w.text(), nil
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

func versionRows(w *table, versions []versionSource) {
	if len(versions) == 0 {
		return
	}
	w.section("versions")
	for _, v := range versions {
		var at []string
		for _, a := range v.At {
			at = append(at, a.String())
		}
		w.row("  "+v.Of, v.Version, v.Because, strings.Join(at, " "))
	}
}

// variableRows adds the variables of the image, without the one that only repeats who planned it.
func variableRows(w *table, vars map[string]string) {
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(vars)), func(n string) bool { return n == "NIXPACKS_METADATA" })
	if len(names) == 0 {
		return
	}
	w.section("variables")
	for _, n := range names {
		w.row("  "+n, vars[n])
	}
}

func phaseRows(w *table, name string, ph *plan.Phase) {
	w.section(name)
	rows := func(what string, list []string, between string) {
		if len(list) > 0 {
			w.row("  "+what, strings.Join(list, between))
		}
	}
	rows("after", ph.DependsOn, ", ")
	rows("nix", ph.NixPkgs, " ")
	rows("nix libraries", ph.NixLibs, " ")
	if ph.UsesNix() {
		w.row("  nixpkgs", ph.NixpkgsArchive)
	}
	rows("apt", ph.AptPkgs, " ")
	for _, cmd := range ph.Cmds {
		w.row("  run", cmd)
	}
	rows("reads only", ph.Inputs, " ")
	rows("makes", ph.Outputs, " ")
	if ph.Order != "" {
		w.row("  order", ph.Order)
	}
	if ph.ForStart() {
		w.row("  for", "the image that runs alone")
	}
	rows("with secrets", ph.Secrets, " ")
	for _, n := range slices.Sorted(maps.Keys(ph.Variables)) {
		w.row("  with "+n, ph.Variables[n])
	}
	rows("may be given", slices.Sorted(maps.Keys(ph.Credentials)), " ")
	rows("kept between builds", ph.CacheDirectories, " ")
	rows("on PATH", ph.Paths, " ")
}

func startRows(w *table, s *plan.Start) {
	w.section("start")
	if s == nil || s.Cmd == "" {
		w.row("  nothing says how")
		return
	}
	w.row("  run", s.Cmd)
	for _, name := range slices.Sorted(maps.Keys(s.Processes)) {
		if s.Processes[name] != s.Cmd {
			w.row("  as "+name, s.Processes[name])
		}
	}
	for _, f := range []struct{ what, value string }{{"in image", s.RunImage}, {"with apt", strings.Join(s.AptPkgs, " ")},
		{"with nix", strings.Join(s.NixPkgs, " ")}, {"as user", s.User},
		{"in", s.Workdir}, {"ports", strings.Join(s.Ports, " ")}, {"is well if", s.Healthcheck["cmd"]}, {"ends on", s.StopSignal}} {
		if f.value != "" {
			w.row("  "+f.what, f.value)
		}
	}
}

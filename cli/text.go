package cli

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// planText is the plan as people read it: versions and who asked for them, then phases in the order in which they
// run.
func planText(p *planned) ([]byte, error) {
	order, err := p.Plan.Sorted()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	row(w, "providers", orNone(strings.Join(p.Providers, ", ")))
	row(w, "image", p.Plan.BuildImage)
	versionRows(w, versionSources(p.Versions))
	for _, name := range order {
		phaseRows(w, name, p.Plan.Phases[name])
	}
	startRows(w, p.Plan.Start)
	w.Flush()
	return trimLines(b.Bytes()), nil
}

// row writes the cells of one line.
func row(w *tabwriter.Writer, cells ...string) {
	for i, c := range cells {
		cells[i] = oneLine(c)
	}
	fmt.Fprintln(w, strings.Join(cells, "\t"))
}

// oneLine shows line breaks and tabs, which would break a table.
func oneLine(s string) string {
	return strings.NewReplacer("\n", `\n`, "\t", `\t`, "\r", `\r`).Replace(s)
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// section begins a part of a table: a line of its own, so that its columns fit themselves.
func section(w *tabwriter.Writer, title string) {
	fmt.Fprintf(w, "\n%s\n", title)
}

func versionRows(w *tabwriter.Writer, versions []versionSource) {
	if len(versions) == 0 {
		return
	}
	section(w, "versions")
	for _, v := range versions {
		var at []string
		for _, a := range v.At {
			at = append(at, a.String())
		}
		row(w, "  "+v.Of, v.Version, v.Because, strings.Join(at, " "))
	}
}

func phaseRows(w *tabwriter.Writer, name string, ph *plan.Phase) {
	section(w, name)
	rows := func(what string, list []string, between string) {
		if len(list) > 0 {
			row(w, "  "+what, strings.Join(list, between))
		}
	}
	rows("after", ph.DependsOn, ", ")
	rows("nix", ph.NixPkgs, " ")
	rows("nix libraries", ph.NixLibs, " ")
	if ph.UsesNix() {
		row(w, "  nixpkgs", ph.NixpkgsArchive)
	}
	rows("apt", ph.AptPkgs, " ")
	for _, cmd := range ph.Cmds {
		row(w, "  run", cmd)
	}
	rows("reads only", ph.Inputs, " ")
	rows("may be given", slices.Sorted(maps.Keys(ph.Credentials)), " ")
	rows("kept between builds", ph.CacheDirectories, " ")
	rows("on PATH", ph.Paths, " ")
}

func startRows(w *tabwriter.Writer, s *plan.Start) {
	section(w, "start")
	if s == nil || s.Cmd == "" {
		row(w, "  nothing says how")
		return
	}
	row(w, "  run", s.Cmd)
	for _, f := range []struct{ what, value string }{{"in image", s.RunImage}, {"with apt", strings.Join(s.AptPkgs, " ")}, {"as user", s.User},
		{"in", s.Workdir}, {"ports", strings.Join(s.Ports, " ")}, {"is well if", s.Healthcheck["cmd"]}, {"ends on", s.StopSignal}} {
		if f.value != "" {
			row(w, "  "+f.what, f.value)
		}
	}
}

// trimLines takes away the blanks at the ends of lines that a table's last empty cells leave.
func trimLines(text []byte) []byte {
	var b bytes.Buffer
	for l := range bytes.Lines(text) {
		b.Write(bytes.TrimRight(l, " \n"))
		b.WriteByte('\n')
	}
	return b.Bytes()
}

package migrate

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// step is a step of a railpack.json during migration.
type step struct {
	*railpack
	name, key string
	whole     bool     // it uses the whole app
	files     []string // otherwise the files it uses
	assets    map[string]string
}

func (r *railpack) allSteps(f plan.Field) error {
	for _, g := range r.reader.fields(f.Value, "steps") {
		if strings.HasPrefix(g.Name, "packages:") {
			r.lost(g.Pos, plan.Path("steps", g.Name), "is a step that installs packages, which only the setup phase does", "use phases: setup: nixPkgs or aptPkgs, and buildImage")
			continue
		}
		if why := plan.BadPhase(g.Name); why != "" {
			r.lost(g.Pos, plan.Path("steps", g.Name), "is not a valid phase name: "+why, "use another name")
			continue
		}
		s := &step{railpack: r, name: g.Name, key: plan.Path("steps", g.Name), assets: map[string]string{}}
		r.draft.phase(g.Name)
		r.draft.at[plan.Path("phases", g.Name)] = g.Pos
		s.read(g.Value)
	}
	return nil
}

func (s *step) read(n *plan.Node) {
	for _, f := range s.reader.fields(n.Get("assets"), s.key+".assets") {
		if text, ok := s.str(f.Value, s.key+".assets."+f.Name); ok {
			s.assets[f.Name] = text
		}
	}
	readers := map[string]func(plan.Field){
		"inputs": s.inputs, "commands": s.commands, "secrets": s.secretsOf, "variables": s.variables, "caches": s.cachesOf,
		"deployOutputs": s.outputs, "assets": func(plan.Field) {}, "name": func(plan.Field) {},
	}
	for _, f := range s.reader.fields(n, s.key) {
		switch read := readers[f.Name]; {
		case read == nil:
			s.unknown(f, s.key)
		case f.Value.Kind != plan.Null:
			read(f)
		}
	}
	s.narrow(n)
	if n.Get("inputs") == nil && !slices.Contains([]string{"install", "build"}, s.name) {
		s.draft.set(n.Pos, []string{"setup"}, "phases", s.name, "dependsOn")
	}
}

// narrow sets the phase's inputs to the files that the step copies, if it uses no others.
func (s *step) narrow(n *plan.Node) {
	ph := s.draft.phase(s.name)
	if s.whole || len(s.files) == 0 || len(ph.Cmds) == 0 || slices.ContainsFunc(ph.Cmds, plan.Marker) || n.Get("inputs") != nil {
		return
	}
	s.draft.set(n.Get("commands").Pos, s.files, "phases", s.name, "inputs")
}

// inputs migrates the steps among the inputs to dependencies of the phase.
func (s *step) inputs(f plan.Field) {
	deps := []string{}
	for i, n := range s.items(f.Value, s.key+".inputs") {
		key := s.key + ".inputs[" + strconv.Itoa(i) + "]"
		l, ok := s.layer(n, key)
		switch {
		case !ok:
		case l.spread:
			deps = append(deps, "...")
		case l.step != "":
			if dep := s.phaseOf(l.step); !slices.Contains(deps, dep) && dep != s.name {
				deps = append(deps, dep)
			}
			s.filtered(n, l, key)
		case l.local:
			s.whole = true
			s.filtered(n, l, key)
		default:
			s.lost(n.Pos, key, "is an image", "all phases run in buildImage; add programs with nixPkgs or aptPkgs")
		}
	}
	s.draft.set(f.Pos, deps, "phases", s.name, "dependsOn")
}

// filtered notes an input that is limited to some files: phases share one file system.
func (s *step) filtered(n *plan.Node, l layer, key string) {
	if l.filter {
		s.lost(n.Pos, key, "selects only some files", "a phase sees all files of the phases before it; phases."+s.name+".inputs restricts the files of the app that it depends on")
	}
}

// phaseOf returns the phase that corresponds to a Railpack step.
func (r *railpack) phaseOf(step string) string {
	if strings.HasPrefix(step, "packages:") {
		return "setup"
	}
	return step
}

// layer is a source of files for a step or the image.
type layer struct {
	step, image           string
	local, spread, filter bool
}

// layer parses a layer, which is a string or a map.
func (r *railpack) layer(n *plan.Node, key string) (l layer, ok bool) {
	if n.Kind == plan.String {
		step, isStep := strings.CutPrefix(n.Text, "$")
		switch {
		case n.Text == "...":
			return layer{spread: true}, true
		case n.Text == ".":
			return layer{local: true}, true
		case isStep:
			return layer{step: step}, true
		}
	}
	for _, f := range r.reader.fields(n, key) {
		switch f.Name {
		case "step":
			l.step, _ = r.str(f.Value, key+".step")
		case "image":
			l.image, _ = r.str(f.Value, key+".image")
		case "local":
			l.local = f.Value.Text == "true"
		case "spread":
			l.spread = f.Value.Text == "true"
		case "include", "exclude":
			l.filter = l.filter || !slices.ContainsFunc(f.Value.Items, func(n *plan.Node) bool { return n.Text == "." })
		default:
			r.unknown(f, key)
		}
	}
	return l, l.step != "" || l.image != "" || l.local || l.spread
}

func (s *step) commands(f plan.Field) {
	for i, n := range s.items(f.Value, s.key+".commands") {
		key := s.key + ".commands[" + strconv.Itoa(i) + "]"
		if n.Kind == plan.String {
			s.words(n, key)
			continue
		}
		if s.wrong(n, key, plan.Map) {
			continue
		}
		if c := n.Get("customName"); c != nil {
			s.lost(c.Pos, key+".customName", "sets how the log shows the command", "builds always show the command itself")
		}
		switch {
		case n.Get("cmd") != nil:
			if cmd, ok := s.str(n.Get("cmd"), key+".cmd"); ok {
				s.draft.add(n.Pos, cmd, "phases", s.name, "cmds")
			}
		case n.Get("path") != nil && n.Get("name") != nil:
			s.file(n, key)
		case n.Get("path") != nil:
			if p, ok := s.str(n.Get("path"), key+".path"); ok {
				s.draft.add(n.Pos, p, "phases", s.name, "paths")
			}
		case n.Get("src") != nil:
			src, _ := s.str(n.Get("src"), key+".src")
			dest, _ := s.str(n.Get("dest"), key+".dest")
			image, _ := s.str(n.Get("image"), key+".image")
			s.copies(n.Pos, key, image, src, dest)
		default:
			s.lost(n.Pos, key, "is not a known command", "")
		}
	}
}

// words migrates a command that is a string.
func (s *step) words(n *plan.Node, key string) {
	kind, rest, _ := strings.Cut(n.Text, ":")
	switch words := strings.Fields(rest); {
	case kind == "PATH":
		s.draft.add(n.Pos, rest, "phases", s.name, "paths")
	case kind == "COPY" && len(words) == 2:
		s.copies(n.Pos, key, "", words[0], words[1])
	default:
		s.draft.add(n.Pos, n.Text, "phases", s.name, "cmds")
	}
}

// copies migrates a copy of the app's files to their own place: it only restricts what the phase sees of the app.
func (s *step) copies(at fault.Pos, key, image, src, dest string) {
	switch from := path.Clean(src); {
	case image != "":
		s.lost(at, key, "copies files from another image", "install the program with nixPkgs or aptPkgs, or download it in a command")
	case from != path.Clean(strings.TrimPrefix(dest, "/app/")):
		s.lost(at, key, "copies files of the app to another place", fmt.Sprintf("use a command: cp -a %s %s", src, dest))
		s.whole = true
	case from == ".":
		s.whole = true
	default:
		s.files = append(s.files, from)
	}
}

// file migrates a file that the step writes, as a static asset. Static assets are available to all phases.
func (s *step) file(n *plan.Node, key string) {
	to, ok1 := s.str(n.Get("path"), key+".path")
	name, ok2 := s.str(n.Get("name"), key+".name")
	text, known := s.assets[name]
	if !ok1 || !ok2 {
		return
	}
	if !known || strings.ContainsAny(to+name, "'\n") || name == "" || path.IsAbs(name) || strings.Contains(name, "..") {
		s.lost(n.Pos, key, "writes a file", "staticAssets: \""+name+"\": \"TEXT\" adds it to the build as /assets/"+name+"; copy it with a command")
		return
	}
	mode := int64(0o644)
	if m := n.Get("mode"); m != nil {
		if given, err := strconv.ParseInt(m.Text, 10, 32); err == nil && given > 0 && given <= 0o7777 {
			mode = given
		}
	}
	s.draft.set(n.Pos, text, "staticAssets", name)
	s.draft.add(n.Pos, fmt.Sprintf("install -D -m %04o '/assets/%s' '%s'", mode, name, to), "phases", s.name, "cmds")
}

func (s *step) secretsOf(f plan.Field) {
	s.asked[s.name] = true
	out := []string{}
	for i, n := range s.items(f.Value, s.key+".secrets") {
		name, ok := s.str(n, s.key+".secrets["+strconv.Itoa(i)+"]")
		switch {
		case !ok:
		case name == "*" || name == "...":
			out = append(out, s.secrets...)
		default:
			out = append(out, name)
		}
	}
	slices.Sort(out)
	if out = slices.Compact(out); len(out) > 0 {
		s.draft.set(f.Pos, out, "phases", s.name, "secrets")
	}
}

func (s *step) variables(f plan.Field) {
	for _, v := range s.reader.fields(f.Value, s.key+".variables") {
		if text, ok := s.scalar(v.Value, s.key+".variables."+v.Name); ok {
			s.draft.set(v.Pos, text, "phases", s.name, "variables", v.Name)
		}
	}
}

func (s *step) cachesOf(f plan.Field) {
	for i, n := range s.items(f.Value, s.key+".caches") {
		key := s.key + ".caches[" + strconv.Itoa(i) + "]"
		name, ok := s.str(n, key)
		switch dir := s.caches[name]; {
		case !ok:
		case name == "...", dir != "":
			s.draft.add(f.Pos, dirOr(dir, name), "phases", s.name, "cacheDirectories")
		default:
			s.lost(n.Pos, key, "is a cache of Railpack's own provider", "use cacheDirectories: [\"...\"] for the provider's cache directories")
		}
	}
}

func dirOr(dir, marker string) string {
	if dir != "" {
		return dir
	}
	return marker
}

// outputs checks the files that the step adds to the image. Here the image has all of /app, unless a run image takes less.
func (s *step) outputs(f plan.Field) {
	all := slices.ContainsFunc(f.Value.Items, func(n *plan.Node) bool {
		return n.Text == "." || n.Get("include") != nil && slices.ContainsFunc(n.Get("include").Items, func(n *plan.Node) bool { return n.Text == "." })
	})
	if !all {
		s.lost(f.Pos, s.key+".deployOutputs", "excludes files from the image", "remove them in a command, or select files of /app with start.runImage and start.onlyIncludeFiles")
	}
}

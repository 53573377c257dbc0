package unify

import (
	"io"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/lazy"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// maxFile is the maximum size in bytes of a Procfile or configuration file.
const maxFile = 256 << 10

// Release is the process that becomes a phase.
const Release = "release"

// Process is a process of a Procfile.
type Process struct {
	Cmd  string
	Line int // 1-based position of the command, as in fault.Pos
	Col  int
}

// At returns the position of the command.
func (p Process) At() fault.Pos { return fault.Pos{File: "Procfile", Line: p.Line, Col: p.Col} }

// procfile returns the layer of a Procfile: the image starts the process web, or else worker, or else the first by name.
// release becomes a phase after the build.
func procfile(text string) (layer, error) {
	all, err := Processes(text)
	if err != nil {
		return layer{}, err
	}
	p := &plan.Plan{}
	place := map[string]Process{}
	if release, ok := all[Release]; ok {
		p.Phases = map[string]*plan.Phase{Release: {
			DependsOn: []string{"setup", "install", "build"},
			Cmds:      []string{"...", release.Cmd},
		}}
		place["phases."+Release+".cmds"] = release
	}
	if name := Starter(all); name != "" {
		p.Start = &plan.Start{Cmd: all[name].Cmd, Processes: map[string]string{}}
		place["start.cmd"] = all[name]
		for name, process := range all {
			if name != Release && plan.BadProcess(name) == "" {
				p.Start.Processes[name] = process.Cmd
				place[plan.Path("start", "processes", name)] = process
			}
		}
	}
	return layer{plan: p, at: func(path []string) (fault.Pos, bool) {
		at, ok := place[plan.Path(path...)]
		return at.At(), ok
	}}, nil
}

// Starter returns the name of the process that starts the image, never release, or "" if there is none.
func Starter(all map[string]Process) string {
	for _, name := range append([]string{"web", "worker"}, slices.Sorted(maps.Keys(all))...) {
		if _, ok := all[name]; ok && name != Release {
			return name
		}
	}
	return ""
}

// Processes parses a Procfile and returns its processes by name. Like Nixpacks, it parses YAML. A file that is not valid YAML,
// such as one with a command that begins with a quote or bracket, is parsed line by line, as other tools do.
func Processes(text string) (map[string]Process, error) {
	if err := TooLarge("Procfile", []byte(text)); err != nil {
		return nil, err
	}
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	if all, ok := yamlProcesses(text); ok {
		for _, name := range slices.Sorted(maps.Keys(all)) {
			if p := all[name]; strings.TrimSpace(p.Cmd) == "" {
				return nil, noProcess(text, p.Line, "the process %s in Procfile has no command", name)
			}
		}
		return all, nil
	}
	return lineProcesses(text)
}

// yamlProcesses parses text as a YAML document. It returns false if it is not a single map of commands.
func yamlProcesses(text string) (map[string]Process, bool) {
	var doc, more yaml.Node
	d := yaml.NewDecoder(strings.NewReader(text))
	if d.Decode(&doc) != nil || d.Decode(&more) != io.EOF || len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		return nil, false
	}
	all := map[string]Process{}
	nodes := doc.Content[0].Content
	for i := 0; i+1 < len(nodes); i += 2 {
		key, value := nodes[i], nodes[i+1]
		if value.Kind == yaml.AliasNode {
			value = value.Alias
		}
		if _, twice := all[key.Value]; key.Kind != yaml.ScalarNode || value.Kind != yaml.ScalarNode || twice {
			return nil, false
		}
		cmd := value.Value
		if value.Tag == "!!null" {
			cmd = ""
		}
		all[key.Value] = Process{cmd, max(value.Line, key.Line), max(value.Column, 1)}
	}
	return all, true
}

var processLine = lazy.Regexp(`^([A-Za-z0-9_-]+)[ \t]*:[ \t]*(.*?)[ \t]*$`)

func lineProcesses(text string) (map[string]Process, error) {
	all := map[string]Process{}
	for i, line := range strings.Split(text, "\n") {
		if t := strings.TrimSpace(line); t == "" || t[0] == '#' {
			continue
		}
		m := processLine().FindStringSubmatchIndex(line)
		if m == nil {
			return nil, noProcess(text, i+1, "this line of Procfile is not a process")
		}
		name, cmd := line[m[2]:m[3]], line[m[4]:m[5]]
		if _, twice := all[name]; twice {
			return nil, noProcess(text, i+1, "Procfile contains the process %s twice", name)
		}
		if cmd == "" || cmd[0] == '#' {
			return nil, noProcess(text, i+1, "the process %s in Procfile has no command", name)
		}
		all[name] = Process{cmd, i + 1, m[4] + 1}
	}
	return all, nil
}

// noProcess returns the fault for a line of a Procfile.
func noProcess(text string, line int, format string, args ...any) error {
	return fault.New(fault.Refused, format, args...).WithPos(fault.Pos{File: "Procfile", Line: line, Col: 1}).
		WithSource([]byte(text)).WithHint("write each line of a Procfile as NAME: COMMAND, such as web: node server.js")
}

// TooLarge returns a fault if a file is larger than any that people write, otherwise nil.
func TooLarge(name string, text []byte) error {
	if len(text) <= maxFile {
		return nil
	}
	return fault.New(fault.Refused, "%s is larger than %d KB", name, maxFile>>10).WithPos(fault.Pos{File: name})
}

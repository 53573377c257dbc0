package unify

import (
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// maxFile bounds what is read of a Procfile or a configuration file, in bytes.
const maxFile = 256 << 10

type process struct {
	cmd  string
	line int
	col  int
}

// procfile is what Procfile says: the process web, else worker, else the first by name starts the image;
// release is a phase of its own after the build.
func procfile(text string) (layer, error) {
	all, err := processes(text)
	if err != nil {
		return layer{}, err
	}
	p := &plan.Plan{}
	place := map[string]process{}
	if release, ok := all["release"]; ok {
		p.Phases = map[string]*plan.Phase{"release": {
			DependsOn: []string{"setup", "install", "build"},
			Cmds:      []string{"...", release.cmd},
		}}
		place["phases.release.cmds"] = release
		delete(all, "release")
	}
	if name := starter(all); name != "" {
		p.Start = &plan.Start{Cmd: all[name].cmd}
		place["start.cmd"] = all[name]
	}
	return layer{plan: p, at: func(path []string) (fault.Pos, bool) {
		at, ok := place[plan.Path(path...)]
		return fault.Pos{File: "Procfile", Line: at.line, Col: at.col}, ok
	}}, nil
}

func starter(all map[string]process) string {
	for _, name := range append([]string{"web", "worker"}, slices.Sorted(maps.Keys(all))...) {
		if _, ok := all[name]; ok {
			return name
		}
	}
	return ""
}

// processes reads a Procfile as YAML, which Nixpacks takes it for. Where it is none, as with a command
// that begins with a quote or a bracket, it is read line by line, as everywhere else.
func processes(text string) (map[string]process, error) {
	if len(text) > maxFile {
		return nil, tooLarge("Procfile")
	}
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	if all, ok := yamlProcesses(text); ok {
		for _, name := range slices.Sorted(maps.Keys(all)) {
			if p := all[name]; strings.TrimSpace(p.cmd) == "" {
				return nil, noProcess(text, p.line, "the process %s in Procfile has no command", name)
			}
		}
		return all, nil
	}
	return lineProcesses(text)
}

// yamlProcesses reads the one YAML document that text is; false where it is none, or no map of commands.
func yamlProcesses(text string) (map[string]process, bool) {
	var doc, more yaml.Node
	d := yaml.NewDecoder(strings.NewReader(text))
	if d.Decode(&doc) != nil || d.Decode(&more) != io.EOF || len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		return nil, false
	}
	all := map[string]process{}
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
		all[key.Value] = process{cmd, max(value.Line, key.Line), max(value.Column, 1)}
	}
	return all, true
}

var processLine = regexp.MustCompile(`^([A-Za-z0-9_-]+)[ \t]*:[ \t]*(.*?)[ \t]*$`)

func lineProcesses(text string) (map[string]process, error) {
	all := map[string]process{}
	for i, line := range strings.Split(text, "\n") {
		if t := strings.TrimSpace(line); t == "" || t[0] == '#' {
			continue
		}
		m := processLine.FindStringSubmatchIndex(line)
		if m == nil {
			return nil, noProcess(text, i+1, "this line of Procfile is no process")
		}
		name, cmd := line[m[2]:m[3]], line[m[4]:m[5]]
		if _, twice := all[name]; twice {
			return nil, noProcess(text, i+1, "Procfile names the process %s twice", name)
		}
		if cmd == "" || cmd[0] == '#' {
			return nil, noProcess(text, i+1, "the process %s in Procfile has no command", name)
		}
		all[name] = process{cmd, i + 1, m[4] + 1}
	}
	return all, nil
}

// noProcess is the fault for a line of a Procfile.
func noProcess(text string, line int, format string, args ...any) error {
	return fault.New(fault.Refused, format, args...).WithPos(fault.Pos{File: "Procfile", Line: line, Col: 1}).
		WithSource([]byte(text)).WithHint("each line of a Procfile is NAME: COMMAND, such as web: node server.js")
}

func tooLarge(name string) error {
	return fault.New(fault.Refused, "%s is larger than %d KB", name, maxFile>>10).WithPos(fault.Pos{File: name})
}

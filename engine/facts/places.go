package facts

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/nixpacks-cue/nixpacks/engine/app"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// mostPlaces limits the positions of one answer, because a pattern may match any number of files.
const mostPlaces = 3

// Places returns the positions in the app's files that an answer comes from, at most mostPlaces of them. path leads into
// the value of a parsed file. It returns nil if the answer comes from no file.
func Places(a *app.App, q Question, answer Answer, path []string) []fault.Pos {
	switch q.Kind {
	case "file", "dir", "exec":
		if name, _ := answer.Value.(string); name != "" {
			return []fault.Pos{{File: name}}
		}
	case "json", "jsonc", "toml", "yaml":
		return parsedPlaces(a, q, answer, path)
	case "grep", "match":
		if re, err := regexp.Compile(q.Args[0]); err == nil {
			return each(answer.List, func(file string) fault.Pos { return first(a, file, re.FindStringIndex) })
		}
	case "tool":
		if len(answer.List) == 2 {
			return []fault.Pos{first(a, answer.List[0], func(text string) []int {
				i := strings.Index(text, answer.List[1])
				return []int{i, i}
			})}
		}
	case "workspace":
		if value, _ := answer.Value.(map[string]any); answer.OK {
			return []fault.Pos{{File: fmt.Sprint(value["up"], value["file"])}}
		}
	case "text", "glob", "dirs":
		return each(answer.List, func(file string) fault.Pos { return fault.Pos{File: file} })
	}
	return nil
}

func parsedPlaces(a *app.App, q Question, answer Answer, path []string) []fault.Pos {
	if app.IsGlob(q.Args[0]) && len(path) == 0 {
		all, _ := answer.Value.(map[string]any)
		return each(slices.Sorted(maps.Keys(all)), func(file string) fault.Pos { return fault.Pos{File: file} })
	}
	at, _, ok := Locate(a, q, path)
	if !ok {
		return nil
	}
	if at.Label = ""; len(path) == 0 {
		at.Line, at.Col = 0, 0 // the whole file
	}
	return []fault.Pos{at}
}

func each(files []string, at func(string) fault.Pos) []fault.Pos {
	var out []fault.Pos
	for _, f := range files[:min(len(files), mostPlaces)] {
		out = append(out, at(f))
	}
	return out
}

// first returns the position of the first thing that find finds in a file, or else the file without a line.
func first(a *app.App, file string, find func(text string) []int) fault.Pos {
	text, ok, err := a.Text(file)
	if ok && err == nil {
		if at := find(text); at != nil && at[0] >= 0 {
			return app.PosAt(file, text, at[0])
		}
	}
	return fault.Pos{File: file}
}

// Files names the files that a question is about, in words. It returns "" if the question is about no file.
func (q Question) Files() string {
	if len(q.In) > 0 {
		return strings.Join(q.In, " or ")
	}
	return strings.Join(q.Args, " or ")
}

// Readable reports whether at least one of the files that a question reads exists. A pattern always counts as existing,
// because it may match any number of files.
func Readable(a *app.App, q Question) bool {
	files := q.In
	if Parsed(q) {
		files = q.Args
	}
	return files == nil || slices.ContainsFunc(files, func(name string) bool {
		_, ok := a.Stat(name)
		return ok || app.IsGlob(name)
	})
}

// Words describes what a question asks for, such as `go.mod or go.work` for a file or `a match in go.mod`.
func (q Question) Words() string {
	args, in := strings.Join(q.Args, " or "), cmp.Or(strings.Join(q.In, " or "), "no file")
	switch q.Kind {
	case "dir":
		return "folder " + args
	case "exec":
		return "program " + args
	case "grep":
		return "a text in " + in
	case "match":
		return "a match in " + in
	case "env":
		return "variable " + args
	case "semver":
		return fmt.Sprintf("the newest of %s that satisfies %q", strings.Join(q.Of, ", "), args)
	case "tool":
		return fmt.Sprintf("the version of %s in %s", args, in)
	case "app":
		return "the app's " + args
	case "machine":
		return "the machine's " + args
	case "provider":
		return "provider " + args
	}
	return args
}

package facts

import (
	"encoding/json"
	"regexp"
	"strings"

	"github.com/nixpacks-cue/nixpacks/engine/app"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// MaxValue is the maximum size in bytes of a text or parsed file that is passed to a provider whole. CUE
// takes about a second for 10 MB. Larger files can be queried with grep, match and pick.
const MaxValue = 256 << 10

// Answer is what the engine fills into a fact.
type Answer struct {
	// OK reports whether the requested thing exists.
	OK bool
	// Value is nil if the kind has no value; otherwise a string, bool, json.Number, nil, []any or map[string]any.
	Value any
	// List is nil if the kind has no list.
	List []string
}

// MarshalJSON encodes {"ok": …, "value": …, "list": …}, with the last two only if the kind has them.
func (a Answer) MarshalJSON() ([]byte, error) {
	m := map[string]any{"ok": a.OK}
	if a.Value != nil {
		m["value"] = a.Value
	}
	if a.List != nil {
		m["list"] = a.List
	}
	return json.Marshal(m)
}

// Resolve answers one question about an app. A missing file is an answer, not an error. A requested file that
// cannot be read or parsed is a fault (Refused) with its position.
func Resolve(a *app.App, env map[string]string, q Question) (Answer, error) {
	switch q.Kind {
	case "file", "dir", "exec":
		return stat(a, q), nil
	case "text":
		return text(a, q)
	case "json", "jsonc", "toml", "yaml":
		return parsed(a, q)
	case "glob", "dirs":
		found, err := a.Glob(q.Args, app.GlobOptions{Dirs: q.Kind == "dirs", Not: q.Not, Limit: q.Limit, Depth: q.Depth})
		return Answer{OK: len(found) > 0, List: present(found)}, err
	case "grep", "match":
		return search(a, q)
	case "env":
		return variable(env, q), nil
	case "semver":
		return choose(q), nil
	case "tool":
		return tool(a, q)
	case "workspace":
		return workspace(a, q)
	case "app":
		name, err := a.Name()
		return Answer{OK: true, Value: name}, err
	}
	return Answer{}, fault.New(fault.Bug, "facts of kind %q cannot be answered", q.Kind)
}

// present turns a nil list into an empty one, so that the answer keeps its list field.
func present(l []string) []string {
	if l == nil {
		return []string{}
	}
	return l
}

func stat(a *app.App, q Question) Answer {
	for _, name := range q.Args {
		info, ok := a.Stat(name)
		if !ok {
			continue
		}
		switch m := info.Mode(); {
		case q.Kind == "dir" && m.IsDir(),
			q.Kind == "file" && m.IsRegular(),
			q.Kind == "exec" && m.IsRegular() && m&0o111 != 0:
			return Answer{OK: true, Value: name}
		}
	}
	return Answer{Value: ""}
}

func text(a *app.App, q Question) (Answer, error) {
	for _, name := range q.Args {
		s, ok, err := a.Text(name)
		if err != nil {
			return Answer{}, err
		}
		if ok && len(s) > MaxValue {
			return Answer{}, tooLarge(name)
		}
		if ok {
			return Answer{OK: true, Value: s, List: []string{name}}, nil
		}
	}
	return Answer{Value: "", List: []string{}}, nil
}

func tooLarge(name string) error {
	return fault.New(fault.Refused, "%s is larger than %d KB, the limit for parsed files", name, MaxValue>>10).
		WithPos(fault.Pos{File: name})
}

// variable returns the value of the first variable that is set. As in Nixpacks, line breaks are removed from NIXPACKS_
// variables, and an empty NIXPACKS_ variable counts as unset.
func variable(env map[string]string, q Question) Answer {
	name := q.Variable(env)
	if name == "" {
		return Answer{Value: ""}
	}
	return Answer{OK: true, Value: strings.ToValidUTF8(variableText(env, name), "\uFFFD")}
}

// Variable returns the name of the first set variable among those that an env question asks for, or "".
func (q Question) Variable(env map[string]string) string {
	for _, name := range q.Args {
		if _, ok := env[name]; ok && (variableText(env, name) != "" || !strings.HasPrefix(name, "NIXPACKS_")) {
			return name
		}
	}
	return ""
}

func variableText(env map[string]string, name string) string {
	if strings.HasPrefix(name, "NIXPACKS_") {
		return strings.ReplaceAll(env[name], "\n", "")
	}
	return env[name]
}

// prefetched is how many files are read concurrently before the first of them is searched. Reading concurrently is
// faster, but the batch is limited because the first file may already match.
const prefetched = 512

// search searches files for a regular expression, in the order given.
func search(a *app.App, q Question) (Answer, error) {
	re, err := regexp.Compile(q.Args[0])
	if err != nil {
		return Answer{}, fault.New(fault.Refused, "%s: %v", q.Kind, err)
	}
	out := Answer{List: []string{}}
	if q.Kind == "match" {
		out.Value = []any{}
	}
	files, err := expand(a, q.In, q)
	if err != nil {
		return out, err
	}
	need := needles(q.Args[0])
	for i, name := range files {
		if i%prefetched == 0 {
			a.Prefetch(files[i:min(i+prefetched, len(files))])
		}
		data, ok, err := a.Bytes(name)
		if err != nil {
			return out, err
		}
		if ok && mayMatch(need, data) && out.searchFile(q, re, name, data) && !q.All {
			break
		}
	}
	return out, nil
}

// searchFile searches one file and reports whether it found a match.
func (out *Answer) searchFile(q Question, re *regexp.Regexp, name string, data []byte) bool {
	switch {
	case q.Kind == "grep":
		if !re.Match(data) {
			return false
		}
	case q.All:
		found := re.FindAllSubmatch(data, -1)
		for _, m := range found {
			out.Value = append(out.Value.([]any), groups(m))
		}
		if len(found) == 0 {
			return false
		}
	default:
		m := re.FindSubmatch(data)
		if m == nil {
			return false
		}
		out.Value = groups(m)
	}
	out.OK = true
	out.List = append(out.List, name)
	return true
}

// groups returns the match and its groups. A group that did not participate is "".
func groups(m [][]byte) []any {
	out := make([]any, len(m))
	for i, g := range m {
		out[i] = strings.ToValidUTF8(string(g), "\uFFFD")
	}
	return out
}

// expand resolves names and patterns to files without duplicates.
func expand(a *app.App, names []string, q Question) ([]string, error) {
	var out []string
	seen := map[string]bool{}
	for _, n := range names {
		found := []string{n}
		if app.IsGlob(n) {
			var err error
			if found, err = a.Glob([]string{n}, app.GlobOptions{Not: q.Not, Depth: q.Depth}); err != nil {
				return nil, err
			}
		}
		if len(names) == 1 {
			return found, nil
		}
		for _, f := range found {
			if !seen[f] {
				seen[f] = true
				out = append(out, f)
			}
		}
	}
	return out, nil
}

package facts

import (
	"encoding/json"
	"regexp"
	"strings"

	"github.com/nixpacks-cue/nixpacks/engine/app"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// MaxValue is the size in bytes of the largest text or parsed file that enters a provider whole. CUE
// takes about a second for 10 MB; what is larger can be asked for by grep, match and pick.
const MaxValue = 256 << 10

// Answer is what the engine fills into a fact.
type Answer struct {
	// OK tells whether there is what was asked for.
	OK bool
	// Value is nil where the kind has none; else string, bool, json.Number, nil, []any or map[string]any.
	Value any
	// List is nil where the kind has none.
	List []string
}

// MarshalJSON gives {"ok": …, "value": …, "list": …}, the last two where the kind has them.
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

// Resolve answers one question about an app. What the app lacks is an answer, not an error; a file that
// was asked for and cannot be read or parsed is a fault (Refused) at its place.
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
	return Answer{}, fault.New(fault.Bug, "no answer to facts of kind %q", q.Kind)
}

// present keeps an empty list from being none.
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
	return fault.New(fault.Refused, "%s is larger than %d KB, too large to be looked at as a whole", name, MaxValue>>10).
		WithPos(fault.Pos{File: name})
}

// variable is the first that is set. As in Nixpacks, a setting of this program loses its line breaks, and says nothing
// where it is empty.
func variable(env map[string]string, q Question) Answer {
	name := q.Variable(env)
	if name == "" {
		return Answer{Value: ""}
	}
	return Answer{OK: true, Value: strings.ToValidUTF8(variableText(env, name), "\uFFFD")}
}

// Variable is the name of the first variable that is set among those that a question of kind env asks for; "" for none.
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

// prefetched is how many files are read at once, before the first of them is searched: many are quicker read side by
// side, but the first may be the one.
const prefetched = 512

// search looks for a regular expression in files, in the order in which they are named.
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
		if ok && mayMatch(need, data) && out.searched(q, re, name, data) && !q.All {
			break
		}
	}
	return out, nil
}

// searched searches one file and tells whether something was found.
func (out *Answer) searched(q Question, re *regexp.Regexp, name string, data []byte) bool {
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

// groups are the match and its groups; one that took no part is "".
func groups(m [][]byte) []any {
	out := make([]any, len(m))
	for i, g := range m {
		out[i] = strings.ToValidUTF8(string(g), "\uFFFD")
	}
	return out
}

// expand is the files that names and patterns stand for, each once.
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

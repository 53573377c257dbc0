// Package facts answers the questions that a provider asks about an app. Questions and answers are data:
// `nixpacks facts` prints the answers, and with them a provider yields its plan without the app.
package facts

import (
	"fmt"
	"maps"
	"slices"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// Question is one fact that a provider asks for. schema/facts.cue documents each kind.
type Question struct {
	Kind    string
	Args    []string   // the value of the field named after the kind
	In      []string   // grep, match: files or patterns of files; tool: files
	Of      []string   // semver: the versions to choose from
	Ranges  string     // semver: the syntax of ranges, npm or gem; "" is npm
	Pick    [][]string // json, jsonc, toml, yaml: paths of the keys to keep
	Not     []string   // patterns: what to exclude
	Limit   int        // glob, dirs: maximum number of results
	Depth   int        // patterns: maximum number of path elements
	All     bool       // match: every match in every file, not only the first
	Lenient bool       // json, jsonc, toml, yaml: a file that cannot be read or parsed counts as absent
	From    string     // kinds that read files: "root" or "nearest" if the app is a workspace member; "" is the app's directory

	Workspace *Workspace // workspace: its description
}

// kinds lists the kinds of facts: whether the field named after the kind may be a list, and which other
// fields are allowed.
var kinds = map[string]struct {
	list    bool
	options []string
}{
	"file":      {list: true, options: []string{"from"}},
	"dir":       {list: true, options: []string{"from"}},
	"exec":      {list: true, options: []string{"from"}},
	"text":      {list: true, options: []string{"from"}},
	"json":      {options: []string{"pick", "not", "depth", "lenient", "from"}},
	"jsonc":     {options: []string{"pick", "not", "depth", "lenient", "from"}},
	"toml":      {options: []string{"pick", "not", "depth", "lenient", "from"}},
	"yaml":      {options: []string{"pick", "not", "depth", "lenient", "from"}},
	"glob":      {list: true, options: []string{"not", "limit", "depth"}},
	"dirs":      {list: true, options: []string{"not", "limit", "depth"}},
	"grep":      {options: []string{"in", "not", "depth", "from"}},
	"match":     {options: []string{"in", "not", "depth", "all", "from"}},
	"env":       {list: true},
	"semver":    {options: []string{"of", "ranges"}},
	"tool":      {list: true, options: []string{"in", "from"}},
	"app":       {},
	"workspace": {list: true, options: []string{"members", "optional", "nested", "exclude", "not", "manifest", "name", "needs", "folders", "aliases", "mentions", "part", "separator", "loose", "letters", "pick", "rootNeeds", "keep"}},
	// Answered by the catalog, because only the catalog knows the providers and the image's platform.
	"provider": {},
	"machine":  {},
}

// Answers are the fields of a fact that the engine fills in. The provider only constrains their types.
var Answers = []string{"ok", "value", "list"}

// Parse parses a question from the fields of a fact without those in Answers. Field values are strings, ints, bools and
// lists of strings. The error describes the mistake and has no position.
func Parse(fields map[string]any) (Question, error) {
	var q Question
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if _, ok := kinds[name]; !ok {
			continue
		}
		if q.Kind != "" {
			return q, fmt.Errorf("a fact cannot have both %s and %s", q.Kind, name)
		}
		q.Kind = name
	}
	if q.Kind == "" {
		return q, unknownKind(fields)
	}
	var err error
	if q.Kind == "workspace" {
		q.Workspace = &Workspace{}
	}
	if q.Args, err = list(fields, q.Kind, kinds[q.Kind].list); err != nil {
		return q, err
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if name == q.Kind {
			continue
		}
		if !slices.Contains(kinds[q.Kind].options, name) {
			return q, fmt.Errorf("unknown field %q in a fact of kind %s; %s", name, q.Kind,
				fault.DidYouMean(name, append([]string{"ok", "value", "list"}, kinds[q.Kind].options...)))
		}
		if err := q.option(name, fields); err != nil {
			return q, err
		}
	}
	return q, q.complete()
}

func unknownKind(fields map[string]any) error {
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		return fmt.Errorf("unknown kind of fact %q; %s", name, fault.DidYouMean(name, slices.Collect(maps.Keys(kinds))))
	}
	return fmt.Errorf("the fact has no kind; kinds are %v", slices.Sorted(maps.Keys(kinds)))
}

func (q *Question) option(name string, fields map[string]any) (err error) {
	if q.Workspace != nil {
		if known, err := q.Workspace.option(name, fields); known {
			return err
		}
	}
	switch name {
	case "in":
		q.In, err = list(fields, name, true)
	case "of":
		q.Of, err = list(fields, name, true)
	case "ranges":
		q.Ranges, err = oneOf(name, fields[name], "npm", "gem")
	case "not":
		q.Not, err = list(fields, name, true)
	case "pick":
		q.Pick, err = paths(name, fields[name])
	case "limit":
		q.Limit, err = positive(name, fields[name])
	case "depth":
		q.Depth, err = positive(name, fields[name])
	case "all":
		q.All, err = truth(name, fields[name])
	case "lenient":
		q.Lenient, err = truth(name, fields[name])
	case "from":
		q.From, err = oneOf(name, fields[name], "root", "nearest")
	}
	return err
}

func (q *Question) complete() error {
	if slices.Contains(kinds[q.Kind].options, "in") && q.In == nil {
		return fmt.Errorf("%s needs in: the files to search", q.Kind)
	}
	if q.Kind == "semver" && q.Of == nil {
		return fmt.Errorf("semver needs of: the versions to choose from")
	}
	if q.Workspace != nil {
		return q.Workspace.complete()
	}
	if q.Kind == "app" && q.Args[0] != "name" {
		return fmt.Errorf("app: unknown property %q; the only one is %q", q.Args[0], "name")
	}
	if q.Kind == "machine" && q.Args[0] != "arch" {
		return fmt.Errorf("machine: unknown property %q; the only one is %q", q.Args[0], "arch")
	}
	return nil
}

// list returns the field as a list of strings. A list of strings is allowed only if many is set.
func list(fields map[string]any, name string, many bool) ([]string, error) {
	switch v := fields[name].(type) {
	case string:
		return []string{v}, nil
	case []any:
		if !many {
			break
		}
		out := make([]string, len(v))
		for i, x := range v {
			s, ok := x.(string)
			if !ok {
				return nil, fmt.Errorf("%s must be a list of strings", name)
			}
			out[i] = s
		}
		return out, nil
	}
	if many {
		return nil, fmt.Errorf("%s must be a string or a list of strings", name)
	}
	return nil, fmt.Errorf("%s must be a string", name)
}

// paths parses pick and similar fields: a list of keys, or of lists of keys that lead further down.
func paths(name string, v any) ([][]string, error) {
	items, ok := v.([]any)
	if !ok {
		return nil, fmt.Errorf("%s must be a list of keys", name)
	}
	out := make([][]string, len(items))
	for i, x := range items {
		p, err := list(map[string]any{name: x}, name, true)
		if err != nil || len(p) == 0 {
			return nil, fmt.Errorf("%s must be a list of keys, or of lists of keys", name)
		}
		out[i] = p
	}
	return out, nil
}

func positive(name string, v any) (int, error) {
	switch n := v.(type) {
	case int:
		if n > 0 {
			return n, nil
		}
	case float64:
		if n > 0 && n == float64(int(n)) {
			return int(n), nil
		}
	}
	return 0, fmt.Errorf("%s must be an integer above 0", name)
}

func oneOf(name string, v any, words ...string) (string, error) {
	if s, ok := v.(string); ok && slices.Contains(words, s) {
		return s, nil
	}
	return "", fmt.Errorf("%s must be one of %v", name, words)
}

func truth(name string, v any) (bool, error) {
	if b, ok := v.(bool); ok {
		return b, nil
	}
	return false, fmt.Errorf("%s must be true or false", name)
}

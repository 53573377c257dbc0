package facts

import (
	"encoding/json"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/nixpacks-cue/nixpacks/engine/app"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// Locate returns the position of the value at path in a parsed file, labelled with the keys of the path, and the file's text.
// It reports false if the question is not about a parsed file or the file cannot be read.
func Locate(a *app.App, q Question, path []string) (fault.Pos, string, bool) {
	if !Parsed(q) {
		return fault.Pos{}, "", false
	}
	name := q.Args[0]
	if app.IsGlob(name) {
		if len(path) == 0 {
			return fault.Pos{}, "", false
		}
		name, path = path[0], path[1:]
	}
	text, ok, err := a.Text(name)
	if !ok || err != nil {
		return fault.Pos{}, "", false
	}
	at := fault.Pos{File: name}
	switch q.Kind {
	case "json", "jsonc":
		at = locateJSON(name, text, path)
	case "yaml":
		at = locateYAML(name, text, path)
	case "toml":
		at = locateTOML(name, text, path)
	}
	at.Label = strings.Join(path, ".")
	return at, text, true
}

// Parsed reports whether the answer to a question is the content of a parsed file, or of several parsed files keyed by path.
func Parsed(q Question) bool { return parsers[q.Kind] != nil }

// At returns the value at path in the value of a parsed file, or nil if there is none.
func At(value any, path []string) any {
	for _, key := range path {
		switch v := value.(type) {
		case map[string]any:
			value = v[key]
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i < 0 || i >= len(v) {
				return nil
			}
			value = v[i]
		default:
			return nil
		}
	}
	return value
}

// locateJSON finds the value at path by walking the tokens. If only a prefix of path exists, it returns that prefix's position.
func locateJSON(name, text string, path []string) fault.Pos {
	plain, err := blankComments(text)
	if err != nil {
		return fault.Pos{File: name}
	}
	d := json.NewDecoder(strings.NewReader(plain))
	at := skipSpace(plain, 0)
	for _, key := range path {
		if !enter(d, key) {
			break
		}
		at = skipSpace(plain, int(d.InputOffset()))
	}
	return app.PosAt(name, text, at)
}

// enter advances the decoder to the value of key in the next object or array.
func enter(d *json.Decoder, key string) bool {
	open, err := d.Token()
	if err != nil || open != json.Delim('{') && open != json.Delim('[') {
		return false
	}
	for i := 0; d.More(); i++ {
		if open == json.Delim('{') {
			if k, err := d.Token(); err != nil || k == key {
				return err == nil
			}
		} else if strconv.Itoa(i) == key {
			return true
		}
		var skip json.RawMessage
		if d.Decode(&skip) != nil {
			return false
		}
	}
	return false
}

func skipSpace(text string, at int) int {
	for at < len(text) && strings.IndexByte(" \t\r\n:,", text[at]) >= 0 {
		at++
	}
	return at
}

func locateYAML(name, text string, path []string) fault.Pos {
	var doc yaml.Node
	if yaml.Unmarshal([]byte(text), &doc) != nil || len(doc.Content) == 0 {
		return fault.Pos{File: name}
	}
	n := doc.Content[0]
	for _, key := range path {
		next := child(n, key)
		if next == nil {
			break
		}
		n = next
	}
	return fault.Pos{File: name, Line: editorLine(text, n.Line), Col: n.Column}
}

func child(n *yaml.Node, key string) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if i, err := strconv.Atoi(key); err == nil && n.Kind == yaml.SequenceNode && i < len(n.Content) {
		return n.Content[i]
	}
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

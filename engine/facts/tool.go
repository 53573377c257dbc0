package facts

import (
	"cmp"
	"fmt"
	"path"
	"strings"

	"github.com/nixpacks-cue/nixpacks/engine/app"
	"github.com/nixpacks-cue/nixpacks/engine/lazy"
)

// tool looks for the version of a tool, under any of its names, in files of version managers: those called *.toml
// have a table of tools, the others a line for each. The first file that names a version counts. A file that
// cannot be read says nothing: it is no part of the build.
func tool(a *app.App, q Question) (Answer, error) {
	for _, file := range q.In {
		data, ok, err := a.Bytes(file)
		if err != nil {
			return Answer{}, err
		}
		if !ok || len(data) > MaxValue {
			continue
		}
		text := strings.ToValidUTF8(string(data), "\uFFFD")
		for _, name := range q.Args {
			if v := toolVersion(file, text, name); v != "" {
				return Answer{OK: true, Value: v, List: []string{file, lineOf(text, name, v)}}, nil
			}
		}
	}
	return Answer{Value: "", List: []string{}}, nil
}

// toolVersion is the version that a file's text gives a tool, "" for none.
func toolVersion(file, text, name string) (version string) {
	if path.Ext(file) == ".toml" {
		v, err := parse("toml", text)
		if err != nil {
			return ""
		}
		tools, _ := v.(map[string]any)["tools"].(map[string]any)
		return toolValue(tools[name])
	}
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) == 0 || words[0] != name {
			continue
		}
		var said string
		for _, w := range words[1:] {
			if strings.HasPrefix(w, "#") {
				break
			}
			said = cmp.Or(said, usable(w))
		}
		version = cmp.Or(said, version) // of two lines the last counts
	}
	return version
}

// toolValue is the version in one of the forms that a table of tools has: "22", 22, ["22", "20"], {version = "22"}.
func toolValue(v any) string {
	switch v := v.(type) {
	case string:
		return usable(v)
	case int64: // not 3.10, which is 3.1 as a number
		return fmt.Sprint(v)
	case map[string]any:
		return toolValue(v["version"])
	case []any:
		for _, one := range v {
			if version := toolValue(one); version != "" {
				return version
			}
		}
	}
	return ""
}

// usable is what a word says about a version: nothing where it leaves it to the machine, to a path, to a commit or to a
// template.
func usable(word string) string {
	word = strings.TrimPrefix(strings.TrimSpace(word), "prefix:")
	if word == "system" || strings.Contains(word, "{{") || strings.ContainsAny(word, ":/") && !aliasWord().MatchString(word) {
		return ""
	}
	return word
}

// aliasWord is a name for a version, such as lts/iron.
var aliasWord = lazy.Regexp(`^[a-z]+/[a-z*]+$`)

// lineOf is the line in which a tool gets its version, without the space around it, or the version alone.
func lineOf(text, name, version string) string {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if i := strings.Index(line, name); i >= 0 && !strings.HasPrefix(line, "#") && strings.Contains(line[i+len(name):], version) {
			return line
		}
	}
	return version
}

package facts

import (
	"cmp"
	"fmt"
	"path"
	"strings"

	"github.com/nixpacks-cue/nixpacks/engine/app"
	"github.com/nixpacks-cue/nixpacks/engine/lazy"
)

// tool looks for the version of a tool, under any of its names, in the files of version managers. A *.toml file has a
// table of tools, any other file has one tool per line. The first file that names a version wins. A file that does not parse
// is skipped, because it is not part of the build.
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

// toolVersion returns the version of a tool in a file's text, or "" if there is none.
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
		var listed string
		for _, w := range words[1:] {
			if strings.HasPrefix(w, "#") {
				break
			}
			listed = cmp.Or(listed, usable(w))
		}
		version = cmp.Or(listed, version) // the last line with a version wins
	}
	return version
}

// toolValue returns the version from one of the forms that a table of tools allows: "22", 22, ["22", "20"], {version = "22"}.
func toolValue(v any) string {
	switch v := v.(type) {
	case string:
		return usable(v)
	case int64: // a float is not used: 3.10 would become 3.1
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

// usable returns the version in a word, or "" if the word refers to the system's version, a path, a commit or a
// template.
func usable(word string) string {
	word = strings.TrimPrefix(strings.TrimSpace(word), "prefix:")
	if word == "system" || strings.Contains(word, "{{") || strings.ContainsAny(word, ":/") && !aliasWord().MatchString(word) {
		return ""
	}
	return word
}

// aliasWord matches a named version, such as lts/iron.
var aliasWord = lazy.Regexp(`^[a-z]+/[a-z*]+$`)

// lineOf returns the trimmed line that sets the tool's version, or only the version if no such line is found.
func lineOf(text, name, version string) string {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if i := strings.Index(line, name); i >= 0 && !strings.HasPrefix(line, "#") && strings.Contains(line[i+len(name):], version) {
			return line
		}
	}
	return version
}

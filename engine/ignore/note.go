package ignore

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nixpacks-cue/nixpacks/engine/lazy"
)

// Note is a message about the content of the build context.
type Note struct{ Text, Hint string }

// maxNamed is how many files a message names.
const maxNamed = 5

// settings are the names in a settings file that look like those of secrets.
type settings struct {
	file string
	keys []string
}

// setting matches a line of a settings file: a name, perhaps after a registry's URL as in npm's files, and a value.
var setting = lazy.Regexp(`(?m)^[ \t]*(?:export[ \t]+)?(?:[^\s=#;]*:)?([A-Za-z_][A-Za-z0-9_.-]*)[ \t]*=[ \t]*(\S[^\r\n]*)`)

// reference matches a value that refers to another variable, which is no secret.
var reference = lazy.Regexp(`^\$(\{[^}]*\}|\w+)$`)

func (w *walk) readSettings(name string) error {
	if slices.ContainsFunc(w.settingsExcept, func(s Rule) bool { return s.matches(name) }) {
		return nil
	}
	found := settings{file: name}
	for _, m := range setting().FindAllStringSubmatch(string(w.beginning(name)), -1) {
		key, value := m[1], strings.Trim(strings.TrimSpace(m[2]), `"'`)
		if value == "" || strings.HasPrefix(value, "#") || reference().MatchString(value) || !w.rules.defaults.SecretVariables.Suspect(key) ||
			slices.Contains(found.keys, key) {
			continue
		}
		found.keys = append(found.keys, key)
	}
	if len(found.keys) > 0 {
		w.rules.settings = append(w.rules.settings, found)
	}
	return nil
}

// Notes returns messages for the user: files that the defaults exclude, and included files that look secret.
func (r *Rules) Notes() []Note {
	var out []Note
	if len(r.left) > 0 {
		var parts []string
		for _, why := range r.reasons() {
			var names []string
			for _, l := range r.left {
				if l.why == why {
					names = append(names, l.name)
				}
			}
			parts = append(parts, list(names)+" ("+why+")")
		}
		first := r.left[0].name
		out = append(out, Note{
			Text: "not in the build context: " + strings.Join(parts, ", "),
			Hint: fmt.Sprintf("to include it, add the line !%s to %s, or use --include %s; to list all files: nixpacks context ls", first, Files[0], first),
		})
	}
	for _, s := range r.settings {
		look := "look like secrets"
		if len(s.keys) == 1 {
			look = "looks like a secret"
		}
		out = append(out, Note{
			Text: fmt.Sprintf("%s is in the build context, and %s in it %s", s.file, list(s.keys), look),
			Hint: fmt.Sprintf("if the app does not need it, add the line %s to %s; for values that only a phase needs, use --secret", s.file, Files[0]),
		})
	}
	return out
}

// reasons returns the distinct reasons for exclusions, in the order of the excluded files.
func (r *Rules) reasons() []string {
	var out []string
	for _, l := range r.left {
		if !slices.Contains(out, l.why) {
			out = append(out, l.why)
		}
	}
	return out
}

// list formats names for a message.
func list(names []string) string {
	if more := len(names) - maxNamed; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:maxNamed], ", "), more)
	}
	return strings.Join(names, ", ")
}

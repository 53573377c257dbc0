package unify

import (
	"maps"
	"slices"
	"strings"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// noteLineEnds adds a note for each script with Windows line ends that a command of the plan names. Linux looks for an
// interpreter whose name ends in a carriage return, and reports that the script does not exist. Nixpacks converts such scripts.
func (u *unifier) noteLineEnds(p *plan.Plan) {
	var cmds []string
	for _, name := range slices.Sorted(maps.Keys(p.Phases)) {
		cmds = append(cmds, p.Phases[name].Cmds...)
	}
	if p.Start != nil {
		cmds = append(cmds, p.Start.Cmd)
	}
	seen := map[string]bool{}
	for _, word := range strings.Fields(strings.Join(cmds, " ")) {
		name := strings.TrimPrefix(strings.TrimPrefix(strings.Trim(word, `"';&|()`), "/app/"), "./")
		if seen[name] || !strings.ContainsAny(name, "./") {
			continue
		}
		seen[name] = true
		if u.app.WindowsScript(name) {
			u.notes = append(u.notes, Note{
				Text: name + " has Windows line endings, and will not run on Linux",
				Hint: `add "*.sh text eol=lf" to .gitattributes, and convert the file: sed -i 's/\r$//' ` + name,
				At:   []fault.Pos{{File: name, Line: 1}},
			})
		}
	}
}

package plan2llb

import "strings"

// MadeBy describes the step that made a layer like StepName. It adds the phase that runs this command: "[install] npm ci".
// If several phases run the same command, the first of steps is used.
func MadeBy(createdBy string, steps []Step) string {
	by := StepName(createdBy)
	for _, s := range steps {
		if cmd := strings.Join(strings.Fields(s.Command), " "); by == "run "+cmd {
			return "[" + s.Phase + "] " + cmd
		}
	}
	return by
}

// StepName describes the step that made a layer, given what BuildKit writes about it into the image's history. For a
// program these are its arguments; for this package's own scripts it is the script's name and what it installs.
func StepName(createdBy string) string {
	line := strings.Join(strings.Fields(createdBy), " ")
	if strings.HasPrefix(line, "mount "+nixTaken+" from exec ") {
		return takeNix
	}
	args, ok := strings.CutPrefix(line, "mount / from exec ")
	if !ok {
		return line
	}
	args = strings.Replace(args, strings.Join(strings.Fields(pinnedApt), " "), strings.Join(strings.Fields(installApt), " "), 1)
	for name, script := range map[string]string{"[apt]": installApt, "[nix]": installNix, "[start] user": addUser} {
		if _, rest, ok := strings.Cut(args, " -c "+strings.Join(strings.Fields(script), " ")+" "); ok {
			_, what, _ := strings.Cut(rest, " ") // after the script's own name
			return name + " " + what
		}
	}
	if cmd, ok := strings.CutPrefix(args, "/bin/bash -l -o pipefail -c "); ok {
		return "run " + cmd
	}
	return args
}

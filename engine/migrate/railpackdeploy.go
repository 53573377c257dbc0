package migrate

import (
	"strconv"

	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// deploy migrates how the image runs.
func (r *railpack) deploy(f plan.Field) error {
	for _, g := range r.reader.fields(f.Value, "deploy") {
		key := "deploy." + g.Name
		switch g.Name {
		case "startCommand":
			if cmd, ok := r.str(g.Value, key); ok {
				r.draft.set(g.Pos, cmd, "start", "cmd")
			}
		case "variables":
			for _, v := range r.reader.fields(g.Value, key) {
				if text, ok := r.scalar(v.Value, key+"."+v.Name); ok {
					r.draft.set(v.Pos, text, "start", "variables", v.Name)
				}
			}
		case "aptPackages":
			r.extend(g, key, "start", "aptPkgs")
		case "paths":
			r.extend(g, key, "phases", "setup", "paths")
			r.look(g.Pos, key, "are on PATH during the build, too", "")
		case "inputs":
			r.deployInputs(g)
		case "base":
			r.lost(g.Pos, key, "is the run image", "use start: runImage: \"IMAGE\"; it must contain what the app needs to run, as only /app is copied into it")
		default:
			r.unknown(g, "deploy")
		}
	}
	return nil
}

func (r *railpack) deployInputs(f plan.Field) {
	for i, n := range r.items(f.Value, "deploy.inputs") {
		key := "deploy.inputs[" + strconv.Itoa(i) + "]"
		switch l, ok := r.layer(n, key); {
		case !ok || l.spread || l.step != "" && !l.filter:
		case l.image != "":
			r.lost(n.Pos, key, "copies files from another image", "install the program with start.aptPkgs or nixPkgs, or download it in a command of a phase")
		default:
			r.lost(n.Pos, key, "selects files for the image", "the image contains all of /app; restrict it with start.runImage and start.onlyIncludeFiles")
		}
	}
}

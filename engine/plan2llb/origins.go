package plan2llb

import (
	"path"
	"strings"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// from records on a vertex where the plan's value that it stands for was set. A value from the command line gets a file
// named after the flag, with the content text.
func (l *lowering) from(text string, at ...string) llb.ConstraintsOpt {
	var source *llb.SourceMap
	pos, ok := l.in.Origins.At(at...)
	if !ok {
		return source.Location(nil)
	}
	data := l.in.Origins.Text(pos.File)
	if data == nil {
		data = []byte(text + "\n")
	}
	key := pos.File + "\x00" + string(data)
	if source = l.sources[key]; source == nil {
		source = llb.NewSourceMap(nil, pos.File, languages[path.Ext(pos.File)], data)
		l.sources[key] = source
	}
	where := pb.Position{Line: int32(max(pos.Line, 1)), Character: int32(pos.Col)}
	return source.Location([]*pb.Range{{Start: &where, End: &where}})
}

// fromPhases records the places of a list in all phases that have it and that meant selects.
func (l *lowering) fromPhases(field string, meant func(*plan.Phase) bool) []llb.RunOption {
	var opts []llb.RunOption
	for _, name := range l.order {
		if !meant(l.in.Plan.Phases[name]) {
			continue
		}
		if list, ok := l.in.Plan.Get("phases", name, field).([]string); ok && len(list) > 0 {
			opts = append(opts, l.from(strings.Join(list, " "), "phases", name, field, "0"))
		}
	}
	return opts
}

// languages are the language names for source maps, by file extension.
var languages = map[string]string{".cue": "CUE", ".toml": "TOML", ".json": "JSON"}

// Place returns where the value that a vertex stands for was set (Input.Origins). If a flag set it, the file is the
// flag's name. It returns false if the place is not known.
func (r *Result) Place(vertex digest.Digest) (fault.Pos, bool) {
	if r.Def == nil || r.Def.Source == nil {
		return fault.Pos{}, false
	}
	locations := r.Def.Source.Locations[vertex.String()].GetLocations()
	if len(locations) == 0 {
		return fault.Pos{}, false
	}
	info, start := r.Def.Source.Infos[locations[0].SourceIndex], locations[0].Ranges[0].Start
	if strings.HasPrefix(info.Filename, "-") {
		return fault.Pos{File: info.Filename}, true
	}
	return fault.Pos{File: info.Filename, Line: int(start.Line), Col: int(start.Character)}, true
}

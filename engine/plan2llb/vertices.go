package plan2llb

import (
	"slices"
	"strings"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// Keys of the descriptions that vertices carry through BuildKit; the first is BuildKit's own.
const (
	nameKey    = "llb.customname"
	phaseKey   = "nixpacks.phase"
	commandKey = "nixpacks.command"
)

// named gives a vertex the name that progress shows, on one line.
func named(name string) llb.ConstraintsOpt {
	return llb.WithCustomName(strings.Join(strings.Fields(name), " "))
}

// described names a vertex after a command of a phase.
func described(s Step) llb.ConstraintsOpt {
	return llb.WithDescription(map[string]string{
		nameKey:    strings.Join(strings.Fields("["+s.Phase+"] "+s.Command), " "),
		phaseKey:   s.Phase,
		commandKey: s.Command,
	})
}

// vertices lists the vertices of a definition in its own order, which is topological.
func vertices(def *llb.Definition) ([]Vertex, map[digest.Digest]Step, error) {
	var list []Vertex
	steps := map[digest.Digest]Step{}
	for _, dt := range def.Def {
		var op pb.Op
		if err := op.UnmarshalVT(dt); err != nil {
			return nil, nil, fault.Wrap(fault.Bug, err, "a build step cannot be read back")
		}
		if op.Op == nil { // the end of the definition: it only points at the last vertex
			continue
		}
		v := Vertex{Digest: digest.FromBytes(dt)}
		about := def.Metadata[v.Digest].Description
		v.Name = about[nameKey]
		for _, in := range op.Inputs {
			if d := digest.Digest(in.Digest); !slices.Contains(v.Deps, d) {
				v.Deps = append(v.Deps, d)
			}
		}
		if command, ok := about[commandKey]; ok {
			steps[v.Digest] = Step{Phase: about[phaseKey], Command: command}
		}
		list = append(list, v)
	}
	return list, steps, nil
}

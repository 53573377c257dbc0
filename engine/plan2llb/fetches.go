package plan2llb

import (
	"slices"
	"strings"

	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
)

// Fetch is a step that downloads packages. It does not depend on the app's files.
type Fetch struct {
	Vertex digest.Digest
	Name   string
	// Debian are the Debian packages that the step installs; nil for a step with Nix packages.
	Debian []string
	// Run says that the packages are for a separate run image.
	Run bool
	// Pinned says that the step checks the packages against the hash that they are pinned to.
	Pinned bool
}

// Fetches returns the steps that download packages, in the order of the graph.
func (r *Result) Fetches() []Fetch {
	var out []Fetch
	for _, dt := range r.Def.Def {
		var op pb.Op
		if op.UnmarshalVT(dt) != nil || op.GetExec() == nil {
			continue
		}
		d := digest.FromBytes(dt)
		f := Fetch{Vertex: d, Name: r.Def.Metadata[d].Description[nameKey]}
		args := op.GetExec().Meta.Args
		switch i := slices.IndexFunc(args, func(a string) bool { return a == installApt || a == pinnedApt || a == installNix }); {
		case i < 0:
			continue
		case args[i] != installNix:
			f.Debian = args[i+2:] // after the script's own name
			f.Run = !strings.HasPrefix(f.Name, "["+aptRole(false)+"]")
			f.Pinned = args[i] == pinnedApt
		}
		out = append(out, f)
	}
	return out
}

// Upto returns the part of the graph that a vertex needs, with that vertex as its end.
func (r *Result) Upto(d digest.Digest) *pb.Definition {
	needed := map[digest.Digest]bool{d: true}
	for _, v := range slices.Backward(r.Vertices) { // dependencies come first in the list
		if needed[v.Digest] {
			for _, dep := range v.Deps {
				needed[dep] = true
			}
		}
	}
	out := &pb.Definition{Metadata: map[string]*pb.OpMetadata{}, Source: r.Def.Source}
	all := r.Def.ToPB()
	for _, dt := range r.Def.Def {
		if id := digest.FromBytes(dt); needed[id] {
			out.Def = append(out.Def, dt)
			out.Metadata[id.String()] = all.Metadata[id.String()]
		}
	}
	end, err := (&pb.Op{Inputs: []*pb.Input{{Digest: d.String()}}}).MarshalVT()
	if err != nil {
		panic(err) // it has only strings
	}
	out.Def = append(out.Def, end)
	return out
}

// Archive is a source of Nix packages. Hash is in Nix's notation; "" if it is not known.
type Archive struct{ URL, Hash string }

// NixArchives returns the archives that the plan's Nix packages come from over the network, without those from mirrors
// on this machine. The packages themselves are not known before these are downloaded.
func NixArchives(in Input) []Archive {
	m := newMirrors(in.Mirrors)
	var out []Archive
	add := func(url, hash string) {
		if at := m.file(url); !strings.HasPrefix(at, fileScheme) {
			out = append(out, Archive{at, hash})
		}
	}
	for _, s := range nixSets(in.Plan) {
		add(archiveURL+s.archive+".tar.gz", s.hashes[s.archive])
		for _, o := range s.overlays {
			add(o, s.hashes[o])
		}
	}
	return out
}

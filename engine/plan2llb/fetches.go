package plan2llb

import (
	"slices"
	"strings"

	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
)

// Fetch is a step that takes packages from the network, whatever the app is.
type Fetch struct {
	Vertex digest.Digest
	Name   string
	// Debian are the packages of a step that installs Debian's; nil for one with Nix packages.
	Debian []string
	// Run says that they are for the image that runs, where that is another than the one that builds.
	Run bool
	// Pinned says that it looks whether the packages are those that they are pinned to.
	Pinned bool
}

// Fetches are the steps that take packages from the network, in the order of the graph.
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
			f.Debian = args[i+2:] // behind the script's own name
			f.Run = !strings.HasPrefix(f.Name, "["+aptRole(false)+"]")
			f.Pinned = args[i] == pinnedApt
		}
		out = append(out, f)
	}
	return out
}

// Upto is the part of the graph that a vertex needs, with that vertex as its end.
func (r *Result) Upto(d digest.Digest) *pb.Definition {
	needed := map[digest.Digest]bool{d: true}
	for _, v := range slices.Backward(r.Vertices) { // each stands behind those that it needs
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
		panic(err) // two strings
	}
	out.Def = append(out.Def, end)
	return out
}

// Archive is one of those that Nix packages come from; Hash, as Nix writes it, is "" where none is known.
type Archive struct{ URL, Hash string }

// NixArchives are the archives that the plan's Nix packages come from over the network: those of mirrors on this machine are
// not among them. The packages themselves are known only to who has these.
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

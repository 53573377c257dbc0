package plan2llb

import (
	"context"
	"encoding/json"
	"path"

	"github.com/moby/buildkit/client/llb"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/opencontainers/go-digest"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// Lower turns a plan into a graph of build steps and the configuration of the image that they make. Each invalid value
// of the plan or an option is a separate fault; they are joined.
func Lower(ctx context.Context, in Input) (*Result, error) {
	dir := AppDir
	if in.Plan != nil {
		dir = path.Join(AppDir, in.Plan.App.InRoot())
		in.Plan = in.Plan.Rooted()
	}
	order, err := check(&in)
	if err != nil {
		return nil, err
	}
	l := &lowering{in: in, dir: dir, order: order, beside: branches(in.Plan), free: lanes(in, order),
		branched: map[string]*branch{}, lanes: map[string]*lane{}, locals: map[string]string{}, sources: map[string]*llb.SourceMap{}}
	if in.Plan.Start != nil {
		l.start = *in.Plan.Start
	}
	l.packages()
	if in.Run == nil {
		l.user(in.Base)
	}
	l.files()
	l.root = l.state
	for _, name := range order {
		l.phase(name, in.Plan.Phases[name])
	}
	l.gather("")
	l.join("")
	if l.wantsWhole() && !l.copiesLate() {
		l.copyWhole(l.copyInfo())
	}
	final := in.Base
	if in.Run != nil {
		final = *in.Run
		l.runImage()
	} else {
		l.replace()
		l.own()
		l.leaveNix()
	}
	return l.result(ctx, final)
}

// lowering is the state of lowering one plan.
type lowering struct {
	in    Input
	dir   string // the app's directory, in which commands run
	start plan.Start
	// state is the current end of the chain.
	state llb.State
	// installed is the chain after the Nix packages. nixRun is what the final image takes of these; nil for nothing.
	installed llb.State
	nixRun    *takenNix
	// debian is the chain after the Debian packages, if only they were added; nil if Nix packages come first.
	debian *debian
	// root is the chain before any phase; chained are its places after each phase on it.
	root    llb.State
	chained []place
	// order is the order of the phases. beside has the outputs of the phases that branch, branched the branches added so
	// far, and waiting those of them whose outputs the chain has not taken yet.
	order    []string
	beside   map[string][]string
	branched map[string]*branch
	waiting  []string
	// forStart are the phases whose outputs are for the final image alone.
	forStart []*branch
	// free are the phases that run as lanes, lanes those added so far, apart those of them that the chain lacks, and has
	// those that it has.
	free  map[string]bool
	lanes map[string]*lane
	apart []string
	has   []string
	// front are the directories to prepend to PATH so far, in their order.
	front []string
	// whole says that the whole app has been copied.
	whole  bool
	locals map[string]string
	// sources are the files that vertices come from, by name and text.
	sources map[string]*llb.SourceMap
}

// place is a place in the chain: after a phase with commands.
type place struct {
	at    int // the number of such phases up to here
	phase string
	state llb.State
	whole bool     // the whole app has been copied
	has   []string // the lanes whose changes it has
}

func (l *lowering) result(ctx context.Context, final Source) (*Result, error) {
	opts := []llb.ConstraintsOpt{llb.Platform(l.in.Platform)}
	if id := l.in.LocalUniqueID; id != "" {
		opts = append(opts, llb.LocalUniqueID(id))
	}
	if l.in.NoCache {
		opts = append(opts, llb.IgnoreCache)
	}
	def, err := l.state.Marshal(ctx, opts...)
	if err != nil {
		return nil, fault.Wrap(fault.Bug, err, "the plan cannot be converted to build steps")
	}
	res := &Result{Def: def, Image: l.image(final), Locals: l.locals}
	if res.Vertices, res.Steps, err = vertices(def); err != nil {
		return nil, err
	}
	for i, v := range res.Vertices {
		if at, ok := res.Place(v.Digest); ok {
			res.Vertices[i].From = at.String()
		}
	}
	res.Digest, err = overall(def, res.Image)
	return res, err
}

// overall returns a digest that covers the graph, through its last vertex, and the image's configuration.
func overall(def *llb.Definition, img dockerspec.DockerOCIImage) (digest.Digest, error) {
	head, err := def.Head()
	if err != nil {
		return "", fault.Wrap(fault.Bug, err, "the build steps have no result")
	}
	config, err := json.Marshal(img)
	if err != nil {
		return "", fault.Wrap(fault.Bug, err, "the image's configuration cannot be written")
	}
	return digest.FromString(head.String() + "\n" + string(config)), nil
}

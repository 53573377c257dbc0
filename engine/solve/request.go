package solve

import (
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/moby/buildkit/client"
	"github.com/opencontainers/go-digest"

	"github.com/nixpacks-cue/nixpacks/engine/plan2llb"
)

// Request is one build.
type Request struct {
	// Lower has the plan, and what the graph depends on beside it: labels, mirrors, secrets, limits.
	// Base, Run, CA and Missing are filled in by Build; Platform and CacheKey where they are not set: with
	// the engine's own platform, and a hash of AppDir's absolute path. Of Caps the engine's own remain.
	Lower plan2llb.Input
	// Also are the same for more platforms, each with its plan: one image for all of them is an index.
	Also   []plan2llb.Input
	AppDir string
	// Outputs, at least one.
	Outputs []Output
	Stdout  io.Writer // for an output with the destination "-"
	// Names of the image in the outputs, such as app or registry.example.com/app:1.0.
	Names []string
	// CAFile is a bundle of certificate authorities in PEM that steps trust while they run; "" for none.
	CAFile string
	// Secrets that phases ask for, and agents of SSH keys, each by its id: the path of an agent's socket, or those of
	// files with keys.
	Secrets map[string][]byte
	SSH     map[string][]string
	// Proxies are variables that name proxies for steps, such as HTTPS_PROXY and no_proxy; others among them do not count.
	Proxies map[string]string
	// CacheFrom and CacheTo are caches beside the engine's own.
	CacheFrom, CacheTo []Cache
	// Attest are statements about the image that go with it, by kind (provenance, sbom), with BuildKit's attributes of
	// each.
	Attest map[string]string
	// Docker is the docker engine that takes an image which has no other destination.
	Docker Docker
	// MaxSize is how many bytes the layers of an image may have, packed as they are in the outputs; 0 is no limit. An
	// image that has more (for one of its platforms) is refused before anything is in its place or pushed.
	MaxSize int64
	// Epoch is the time of the image and of its layers' history, in seconds of Unix time.
	Epoch int64
	// Offline keeps the build from the network: it goes on only where all is here that is known to be needed. The engine
	// must be one whose steps have no network.
	Offline bool
	// Bases says how bases that are no registry references are made.
	Bases    Bases
	Progress Progress
}

// Report is what a build did.
type Report struct {
	Outputs  []Written
	Steps    int // of the graph, without the files and images that it starts from
	Cached   int // of these, the ones that did not have to run
	Duration time.Duration
	Phases   []Timing // in the order in which they ran
	// Metadata is what the exporters say of the image, by BuildKit's names.
	Metadata map[string]any
}

// Written is an output in its place.
type Written struct {
	Output
	Digest  digest.Digest // of the image's manifest; "" for plain files
	Changed bool          // false for a layout that held this very image already
}

// Timing is how long the commands of a phase ran.
type Timing struct {
	Phase    string
	Duration time.Duration
	Cached   bool // none of them had to run
}

func (r Request) epoch() string { return strconv.FormatInt(r.Epoch, 10) }

// report collects what a finished build did.
func (j *job) report(sinks []*sink) *Report {
	r := &Report{}
	for _, s := range sinks {
		r.Outputs = append(r.Outputs, Written{s.Output, s.digest, s.changed})
	}
	for _, v := range j.lowered.Vertices {
		if len(v.Deps) == 0 {
			continue
		}
		r.Steps++
		seen := j.seen.vertices[v.Digest]
		if seen == nil {
			r.Cached++ // nobody even asked for it: what needs it came from the cache
			continue
		}
		if seen.Cached {
			r.Cached++
		}
		if step, ok := j.lowered.Steps[v.Digest]; ok {
			r.add(step.Phase, seen)
		}
	}
	return r
}

func (r *Report) add(phase string, v *client.Vertex) {
	i := slices.IndexFunc(r.Phases, func(t Timing) bool { return t.Phase == phase })
	if i < 0 {
		i = len(r.Phases)
		r.Phases = append(r.Phases, Timing{Phase: phase, Cached: true})
	}
	if v.Cached || v.Started == nil || v.Completed == nil {
		return
	}
	r.Phases[i].Cached = false
	r.Phases[i].Duration += v.Completed.Sub(*v.Started)
}

package solve

import (
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/moby/buildkit/client"
	"github.com/opencontainers/go-digest"

	"github.com/nixpacks-cue/nixpacks/engine/docker"
	"github.com/nixpacks-cue/nixpacks/engine/plan2llb"
	"github.com/nixpacks-cue/nixpacks/engine/progress"
)

// Request describes one build.
type Request struct {
	// Lower contains the plan and the other inputs of the graph: labels, mirrors, secrets, limits. Build sets Base, Run,
	// CA and Missing. It also sets Platform and CacheKey if they are empty, to the engine's platform and a hash of
	// AppDir's absolute path. Caps is limited to the engine's capabilities.
	Lower plan2llb.Input
	// Also contains the inputs for further platforms, each with its plan. The image is then an index.
	Also   []plan2llb.Input
	AppDir string
	// Outputs of the build, at least one.
	Outputs []Output
	Stdout  io.Writer // for an output with the destination "-"
	// Names of the image, such as app or registry.example.com/app:1.0.
	Names []string
	// CAFile is a PEM bundle of CAs that steps trust while they run; "" for none.
	CAFile string
	// Secrets contains the values of secrets by id. SSH contains SSH agents by id: the path of an agent's socket, or the
	// paths of key files.
	Secrets map[string][]byte
	SSH     map[string][]string
	// Proxies contains proxy variables for steps, such as HTTPS_PROXY and no_proxy. Other variables are ignored.
	Proxies map[string]string
	// CacheFrom and CacheTo are additional caches to import and export.
	CacheFrom, CacheTo []Cache
	// Attest contains the attestations to create, by kind (provenance, sbom), with BuildKit's attributes.
	Attest map[string]string
	// Docker is the docker engine that loads an image without a destination.
	Docker docker.Engine
	// MaxSize limits the total size of an image's compressed layers in bytes; 0 is no limit. A larger image (for any
	// platform) is refused before any output is written or pushed.
	MaxSize int64
	// Epoch is the timestamp of the image and of its layer history, in seconds since the Unix epoch.
	Epoch int64
	// Offline keeps the build off the network. The build fails early if anything is known to be missing. The engine must
	// be one whose steps have no network.
	Offline bool
	// Bases configures bases that do not come from a registry.
	Bases    Bases
	Progress progress.Options
}

// Report describes a finished build.
type Report struct {
	Outputs  []Written
	Steps    int // steps in the graph, without sources
	Cached   int // steps that did not have to run
	Duration time.Duration
	Phases   []Timing // in execution order
	// Metadata is the exporter response, with BuildKit's keys.
	Metadata map[string]any
}

// Written is a finished output.
type Written struct {
	Output
	Digest  digest.Digest // of the image's manifest; "" for plain files
	Changed bool          // false for a layout that already contained this image
}

// Timing is the execution time of a phase's commands.
type Timing struct {
	Phase    string
	Duration time.Duration
	Cached   bool // no command had to run
}

func (r Request) epoch() string { return strconv.FormatInt(r.Epoch, 10) }

// report builds the report of a finished build.
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
		seen := j.seen.Vertex(v.Digest)
		if seen == nil {
			r.Cached++ // not even requested: a step that depends on it was cached
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

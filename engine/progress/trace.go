package progress

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/nixpacks-cue/nixpacks/engine/plan2llb"
)

// Trace records the events of a build, even if it fails, in plain words and with masked secrets. Its times are wall clock
// times, so no two builds have the same trace.
type Trace struct {
	// Spans are ordered by start time, with those that did not start at the end.
	Spans []Span
	// Steps are the commands of phases, in graph order.
	Steps []TracedStep

	seen map[digest.Digest]bool
}

// Span is a BuildKit step, or an action of this program.
type Span struct {
	Name               string    // "[install] npm ci"
	Started, Completed time.Time // zero if it did not happen
	Cached             bool
	Error              string // error message if it failed
	Log                string // last lines of output if it failed
	Parts              []Part
}

// Part is a part of a span that BuildKit reports separately, such as a layer of an export.
type Part struct {
	Name               string
	Started, Completed time.Time
	Bytes              int64 // 0 if not counted in bytes
}

// TracedStep is a command of a phase, with its execution.
type TracedStep struct {
	plan2llb.Step
	*Span // nil if it was not requested: it was cached, or the build failed earlier
}

// AddBuild adds what a build did. lowered is the graph that it built, or nil. If the build repeats a previous one from the
// cache, AddBuild adds only what is new. It does nothing if t is nil.
func (t *Trace) AddBuild(r *Record, lowered *plan2llb.Result) {
	if t == nil {
		return
	}
	if r == nil {
		r = &Record{}
	}
	if t.seen == nil {
		t.seen = map[digest.Digest]bool{}
	}
	spans := map[digest.Digest]*Span{}
	for d, v := range r.vertices {
		if t.seen[d] && (v.Cached || v.Started == nil) {
			continue
		}
		t.seen[d] = true
		s := &Span{Name: plain(string(r.masker.text([]byte(v.Name)))), Cached: v.Cached, Error: v.Error}
		for _, p := range r.parts[d] {
			p.Name = plain(p.Name)
			s.Parts = append(s.Parts, p)
		}
		s.Started, s.Completed = timeOf(v.Started), timeOf(v.Completed)
		if strings.HasSuffix(v.Error, "context canceled") { // cancelled because of another failure, or with the build
			s.Error, s.Completed = "", time.Time{}
		}
		if s.Error != "" {
			s.Log = r.Log(d)
		}
		spans[d] = s
	}
	if lowered != nil {
		t.steps(lowered, spans)
	}
	for _, s := range spans {
		t.Spans = append(t.Spans, *s)
	}
	t.sort()
}

func timeOf(at *time.Time) time.Time {
	if at == nil {
		return time.Time{}
	}
	return *at
}

// steps adds the commands of phases, unless a previous build has added them.
func (t *Trace) steps(lowered *plan2llb.Result, spans map[digest.Digest]*Span) {
	for _, v := range lowered.Vertices {
		step, ok := lowered.Steps[v.Digest]
		if !ok {
			continue
		}
		i := slices.IndexFunc(t.Steps, func(s TracedStep) bool { return s.Step == step })
		switch {
		case i < 0:
			t.Steps = append(t.Steps, TracedStep{step, spans[v.Digest]})
		case t.Steps[i].Span == nil:
			t.Steps[i].Span = spans[v.Digest]
		}
	}
}

func (t *Trace) sort() {
	slices.SortStableFunc(t.Spans, func(a, b Span) int {
		switch {
		case a.Started.IsZero() != b.Started.IsZero():
			if a.Started.IsZero() {
				return 1
			}
			return -1
		case !a.Started.Equal(b.Started):
			return a.Started.Compare(b.Started)
		}
		return cmp.Or(a.Completed.Compare(b.Completed), cmp.Compare(a.Name, b.Name))
	})
}

// AddAction adds an action of this program that began at a time and has just ended, if it took more than 50 ms. It does
// nothing if t is nil.
func (t *Trace) AddAction(what string, began time.Time) {
	if now := time.Now(); t != nil && now.Sub(began) > time.Second/20 {
		t.Spans = append(t.Spans, Span{Name: what, Started: began, Completed: now})
		t.sort()
	}
}

// MadeBy returns the step that made a layer, with its phase, from the createdBy field of the image's history.
func (t *Trace) MadeBy(createdBy string) string {
	var steps []plan2llb.Step
	for _, s := range t.Steps {
		steps = append(steps, s.Step)
	}
	return plan2llb.MadeBy(createdBy, steps)
}

// Failed returns the spans that failed.
func (t *Trace) Failed() []Span {
	return slices.DeleteFunc(slices.Clone(t.Spans), func(s Span) bool { return s.Error == "" })
}

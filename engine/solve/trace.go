package solve

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/nixpacks-cue/nixpacks/engine/plan2llb"
)

// Trace keeps the course of a build, failed ones too, in plain words and with the values of secrets masked as on the screen. Its times are
// those of clocks: no two builds have the same.
type Trace struct {
	// Spans are what was done, in the order in which it began, and what was not even begun behind it.
	Spans []Span
	// Steps are the commands of phases, in the order of the graph.
	Steps []TracedStep

	seen map[digest.Digest]bool
}

// Span is a step of BuildKit, or something that this program did itself.
type Span struct {
	Name               string    // "[install] npm ci"
	Started, Completed time.Time // zero where it did not
	Cached             bool
	Error              string // why it failed
	Log                string // the last lines that a failed one printed
	Parts              []Part
}

// Part is a part of a span that BuildKit tells apart, such as the layers of an export.
type Part struct {
	Name               string
	Started, Completed time.Time
	Bytes              int64 // 0 for what is not counted in bytes
}

// TracedStep is a command of a phase, and how it went.
type TracedStep struct {
	plan2llb.Step
	*Span // nil where nobody asked for it: it was in the cache, or the build failed before it
}

// note adds what a job has done. A job that repeats another one, with all of that in the cache, adds only what is new.
func (t *Trace) note(j *job, m *masker) {
	if t == nil {
		return
	}
	if t.seen == nil {
		t.seen = map[digest.Digest]bool{}
	}
	spans := map[digest.Digest]*Span{}
	for d, v := range j.seen.vertices {
		if t.seen[d] && (v.Cached || v.Started == nil) {
			continue
		}
		t.seen[d] = true
		s := &Span{Name: plain(string(m.text([]byte(v.Name)))), Cached: v.Cached, Error: v.Error}
		for _, p := range j.seen.parts[d] {
			p.Name = plain(p.Name)
			s.Parts = append(s.Parts, p)
		}
		s.Started, s.Completed = timeOf(v.Started), timeOf(v.Completed)
		if strings.HasSuffix(v.Error, "context canceled") { // it ended with another one, or with the build
			s.Error, s.Completed = "", time.Time{}
		}
		if s.Error != "" {
			s.Log = j.seen.logs[d].String()
		}
		spans[d] = s
	}
	if j.lowered != nil {
		t.steps(j.lowered, spans)
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

// steps adds the commands of phases, unless a job before has done.
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

// took notes something that this program did itself, if it took long enough to be seen.
func (t *Trace) took(what string, began time.Time) {
	if now := time.Now(); t != nil && now.Sub(began) > time.Second/20 {
		t.Spans = append(t.Spans, Span{Name: what, Started: began, Completed: now})
		t.sort()
	}
}

// MadeBy is the step that made a layer, with its phase: out of what the image's history says.
func (t *Trace) MadeBy(createdBy string) string {
	var steps []plan2llb.Step
	for _, s := range t.Steps {
		steps = append(steps, s.Step)
	}
	return withPhase(plan2llb.StepName(createdBy), steps)
}

// Failed are the spans that failed.
func (t *Trace) Failed() []Span {
	return slices.DeleteFunc(slices.Clone(t.Spans), func(s Span) bool { return s.Error == "" })
}

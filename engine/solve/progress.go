package solve

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/containerd/console"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/util/progress/progressui"
	"github.com/opencontainers/go-digest"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/lazy"
)

// ProgressModes are the progress display modes.
var ProgressModes = []string{"auto", "plain", "tty", "rawjson", "quiet"}

// Progress configures the progress display.
type Progress struct {
	Mode string    // one of ProgressModes; "" is auto: tty on a terminal, plain otherwise
	Out  io.Writer // nil discards the output
	Hide []string  // texts to mask, such as passwords in proxy URLs
	// Trace receives the same events as the display; may be nil.
	Trace *Trace
}

// screen shows one build.
type screen struct {
	display progressui.Display
	gate    *gate
	masker  *masker
	inert   *inert // nil for machine-readable output
}

// open creates BuildKit's display with masked secrets. BuildKit's display honours NO_COLOR. A dumb terminal gets plain
// text.
func (p Progress) open(secrets map[string][]byte) (*screen, error) {
	mode := cmp.Or(p.Mode, "auto")
	if mode == "auto" && os.Getenv("TERM") == "dumb" {
		mode = "plain"
	}
	if !slices.Contains(ProgressModes, mode) {
		return nil, fault.New(fault.Usage, "unknown progress mode %q", p.Mode).
			WithHint("%s", fault.DidYouMean(p.Mode, ProgressModes))
	}
	if p.Out == nil {
		mode = "quiet"
	}
	g := &gate{Writer: p.Out}
	var out io.Writer = g
	if f, ok := p.Out.(console.File); ok {
		out = fileGate{f, g}
	}
	if mode == "auto" {
		mode = "plain"
		if f, ok := out.(console.File); ok && IsTerminal(f) {
			mode = "tty"
		}
	}
	d, err := progressui.NewDisplay(out, progressui.DisplayMode(mode))
	if err != nil {
		return nil, fault.Wrap(fault.Usage, err, "--progress tty needs a terminal")
	}
	values := slices.Collect(maps.Values(secrets))
	for _, s := range p.Hide {
		values = append(values, []byte(s))
	}
	s := &screen{display: d, gate: g, masker: newMasker(values...)}
	if mode != "rawjson" {
		s.inert = &inert{output: mode == "plain", streams: map[stream]*colours{}}
	}
	return s, nil
}

// gate discards what the display prints after a failed build: the log of the failed step, which the error message
// contains as well.
type gate struct {
	io.Writer
	ended atomic.Bool // no more events will arrive
	shut  bool
}

func (g *gate) Write(p []byte) (int, error) {
	if g.ended.Load() && bytes.Equal(p, []byte("------\n")) {
		g.shut = true
	}
	if g.shut {
		return len(p), nil
	}
	return g.Writer.Write(p)
}

// fileGate is a gate for a terminal.
type fileGate struct {
	console.File
	gate *gate
}

func (f fileGate) Write(p []byte) (int, error) { return f.gate.Write(p) }

// tracker records what the report and the error messages of a build need.
type tracker struct {
	vertices map[digest.Digest]*client.Vertex
	logs     map[digest.Digest]*tail
	parts    map[digest.Digest][]Part
}

func newTracker() *tracker {
	return &tracker{map[digest.Digest]*client.Vertex{}, map[digest.Digest]*tail{}, map[digest.Digest][]Part{}}
}

// watch shows and records a build until news is closed. A failed display does not stop it.
func (s *screen) watch(ctx context.Context, news <-chan *client.SolveStatus) *tracker {
	t := newTracker()
	shown := make(chan *client.SolveStatus)
	done := make(chan struct{})
	go func() { // not under ctx: the last messages of a cancelled build are shown
		defer close(done)
		s.display.UpdateFrom(context.WithoutCancel(ctx), shown)
	}()
	for n := range news {
		n = s.masker.status(n)
		t.note(n)
		told := brief(n)
		if s.inert != nil {
			told = s.inert.status(told)
		}
		select {
		case shown <- told:
		case <-done:
		}
	}
	s.gate.ended.Store(true)
	close(shown)
	<-done
	return t
}

var stepFailed = lazy.Regexp(`(?s)^process ".*" did not complete successfully: (.*)$`)

// brief shortens the errors of failed steps to their exit status. The step's name is shown above, and the command of
// package steps is a whole script.
func brief(s *client.SolveStatus) *client.SolveStatus {
	out := *s
	out.Vertexes = slices.Clone(s.Vertexes)
	for i, v := range out.Vertexes {
		if m := stepFailed().FindStringSubmatch(v.Error); m != nil {
			short := *v
			short.Error = m[1]
			out.Vertexes[i] = &short
		}
	}
	return &out
}

func (t *tracker) note(s *client.SolveStatus) {
	for _, v := range s.Vertexes {
		if old := t.vertices[v.Digest]; old != nil && old.Cached {
			v.Cached = true // a step is reported again when its layers are fetched from a remote cache
		}
		t.vertices[v.Digest] = v
	}
	for _, p := range s.Statuses {
		t.part(p)
	}
	for _, l := range s.Logs {
		if t.logs[l.Vertex] == nil {
			t.logs[l.Vertex] = &tail{}
		}
		t.logs[l.Vertex].Write(l.Data)
	}
}

// part records the progress of a part of a vertex.
func (t *tracker) part(s *client.VertexStatus) {
	p := Part{s.ID, timeOf(s.Started), timeOf(s.Completed), cmp.Or(s.Total, s.Current)}
	i := slices.IndexFunc(t.parts[s.Vertex], func(o Part) bool { return o.Name == p.Name })
	if i < 0 {
		t.parts[s.Vertex] = append(t.parts[s.Vertex], p)
		return
	}
	t.parts[s.Vertex][i] = p
}

// failed finds the vertex whose error is part of err: BuildKit before 0.9 does not report it.
func (t *tracker) failed(err error) digest.Digest {
	text := err.Error()
	for _, d := range slices.Sorted(maps.Keys(t.vertices)) {
		if v := t.vertices[d]; v.Error != "" && strings.Contains(text, v.Error) {
			return d
		}
	}
	return ""
}

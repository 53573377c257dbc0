// Package progress shows and records the progress of builds: it displays BuildKit's events and this program's own
// downloads, with masked secrets and without escape sequences that would control the terminal, and keeps what error
// messages and reports tell about a build.
package progress

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"maps"
	"os"
	"slices"
	"sync/atomic"

	"github.com/containerd/console"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/util/progress/progressui"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/lazy"
)

// Modes are the display modes.
var Modes = []string{"auto", "plain", "tty", "rawjson", "quiet"}

// Options configure the display of a build.
type Options struct {
	Mode string    // one of Modes; "" is auto: tty on a terminal, plain otherwise
	Out  io.Writer // nil discards the output
	Hide []string  // texts to mask, such as passwords in proxy URLs
	// Trace receives the same events as the display; may be nil.
	Trace *Trace
}

// Screen shows one build.
type Screen struct {
	display progressui.Display
	gate    *gate
	masker  *masker
	inert   *inert // nil for machine-readable output
}

// Open creates BuildKit's display. It masks the values of secrets, which are by id, and the texts of o.Hide. BuildKit's
// display honours NO_COLOR. A dumb terminal gets plain text. Faults: Usage for an unknown mode, or for the mode tty without
// a terminal.
func (o Options) Open(secrets map[string][]byte) (*Screen, error) {
	mode := cmp.Or(o.Mode, "auto")
	if mode == "auto" && os.Getenv("TERM") == "dumb" {
		mode = "plain"
	}
	if !slices.Contains(Modes, mode) {
		return nil, fault.New(fault.Usage, "unknown progress mode %q", o.Mode).
			WithHint("%s", fault.DidYouMean(o.Mode, Modes))
	}
	if o.Out == nil {
		mode = "quiet"
	}
	g := &gate{Writer: o.Out}
	var out io.Writer = g
	if f, ok := o.Out.(console.File); ok {
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
	for _, s := range o.Hide {
		values = append(values, []byte(s))
	}
	s := &Screen{display: d, gate: g, masker: newMasker(values...)}
	if mode != "rawjson" {
		s.inert = &inert{output: mode == "plain", streams: map[stream]*colours{}}
	}
	return s, nil
}

// IsTerminal reports whether a file is a terminal.
func IsTerminal(f console.File) bool {
	_, err := console.ConsoleFromFile(f)
	return err == nil
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

// Watch shows a build until news is closed, and returns what it recorded. A failed display does not stop it, nor does the
// end of ctx.
func (s *Screen) Watch(ctx context.Context, news <-chan *client.SolveStatus) *Record {
	r := newRecord(s.masker)
	shown := make(chan *client.SolveStatus)
	done := make(chan struct{})
	go func() { // not under ctx: the last messages of a cancelled build are shown
		defer close(done)
		s.display.UpdateFrom(context.WithoutCancel(ctx), shown)
	}()
	for n := range news {
		n = s.masker.status(n)
		r.note(n)
		told := r.brief(n)
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
	return r
}

var stepFailed = lazy.Regexp(`(?s)^process ".*" did not complete successfully: (.*)$`)

// brief returns the events of s for the display, after note has recorded them. A step that was cached once stays so. Errors
// of failed steps are shortened to the exit status: the step's name is shown above, and the command of package steps is a
// whole script.
func (r *Record) brief(s *client.SolveStatus) *client.SolveStatus {
	out := *s
	out.Vertexes = slices.Clone(s.Vertexes)
	for i, v := range out.Vertexes {
		short := *v
		short.Cached = r.vertices[v.Digest].Cached
		if m := stepFailed().FindStringSubmatch(v.Error); m != nil {
			short.Error = m[1]
		}
		out.Vertexes[i] = &short
	}
	return &out
}

package solve

import (
	"io"
	"os"

	"github.com/containerd/console"
	gateway "github.com/moby/buildkit/frontend/gateway/client"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/progress"
)

// stdio connects an app with the caller's streams.
type stdio struct {
	terminal console.Console
	sizes    chan gateway.WinSize
	stop     func()
}

// connect sets the app's streams: a terminal if both stdin and stdout are terminals.
func (a *app) connect() (*stdio, error) {
	a.start.Stdout, a.start.Stderr = writeCloser(a.req.Stdout), writeCloser(a.req.Stderr)
	if a.req.Stdin != nil {
		a.start.Stdin = io.NopCloser(a.req.Stdin)
	}
	in, ok := a.req.Stdin.(*os.File)
	out, ok2 := a.req.Stdout.(*os.File)
	if !ok || !ok2 || !progress.IsTerminal(in) || !progress.IsTerminal(out) {
		return &stdio{}, nil
	}
	t, err := console.ConsoleFromFile(in)
	if err == nil {
		err = t.SetRaw()
	}
	if err != nil {
		return nil, fault.Wrap(fault.Bug, err, "the terminal cannot be attached to the app")
	}
	a.start.Tty, a.start.Stderr = true, nil // a terminal is a single stream
	s := &stdio{terminal: t, sizes: make(chan gateway.WinSize, 1)}
	s.size()
	s.stop = onResize(s.size)
	return s, nil
}

// size sends the terminal size to the app. Only the latest size is kept.
func (s *stdio) size() {
	size, err := s.terminal.Size()
	if err != nil {
		return
	}
	select {
	case <-s.sizes:
	default:
	}
	s.sizes <- gateway.WinSize{Rows: uint32(size.Height), Cols: uint32(size.Width)}
}

// close restores the terminal.
func (s *stdio) close() {
	if s.terminal != nil {
		s.stop()
		_ = s.terminal.Reset()
	}
}

func writeCloser(w io.Writer) io.WriteCloser {
	if w == nil {
		w = io.Discard
	}
	return keepOpen{w}
}

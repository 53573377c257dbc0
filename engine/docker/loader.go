package docker

import (
	"context"
	"io"
	"os"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// Loader receives a docker archive, as docker save writes it, and loads it into an engine. It keeps the archive in an
// unnamed file until Commit. Either Commit or Abort must be called.
type Loader struct {
	into *Client
	file *os.File
}

// NewLoader connects to the engine, so that an unreachable engine is reported before there is an archive. Faults: Usage if
// there is no engine or no place for the archive, and those of Open.
func NewLoader(ctx context.Context, e Engine) (*Loader, error) {
	if !e.Present() {
		return nil, fault.New(fault.Usage, "there is no docker engine to load the image into").
			WithHint("give one with --docker-host, or use --output type=docker,dest=app.tar and docker load")
	}
	into, err := e.Open(ctx)
	if err != nil {
		return nil, err
	}
	f, err := os.CreateTemp("", "nixpacks-load-")
	if err == nil {
		err = os.Remove(f.Name())
	}
	if err != nil {
		into.Close()
		return nil, fault.Wrap(fault.Usage, err, "cannot create a temporary file for the image")
	}
	return &Loader{into, f}, nil
}

// Write appends to the archive.
func (l *Loader) Write(p []byte) (int, error) { return l.file.Write(p) }

// Commit loads the archive into the engine and closes the connection. Faults: TryAgain if the engine does not take the
// archive, Interrupted if ctx has ended.
func (l *Loader) Commit(ctx context.Context) error {
	defer l.Abort()
	_, err := l.file.Seek(0, io.SeekStart)
	if err == nil {
		err = l.into.load(ctx, l.file)
	}
	if err != nil {
		return l.into.failed(ctx, err, "cannot load the image")
	}
	return nil
}

// Abort discards the archive and closes the connection.
func (l *Loader) Abort() {
	l.file.Close()
	l.into.Close()
}

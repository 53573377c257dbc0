package solve

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"

	"github.com/opencontainers/go-digest"

	"github.com/moby/buildkit/exporter/containerimage/exptypes"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// loading is an image to be loaded into a docker engine: a docker output without a destination. The archive is kept in an
// unnamed file until the build has succeeded.
type loading struct {
	into *Dockerd
	file *os.File
}

// newLoading connects to the docker engine, so that an unreachable engine is reported before anything is built.
func newLoading(ctx context.Context, d Docker) (*loading, error) {
	if !d.Present() {
		return nil, fault.New(fault.Usage, "there is no docker engine here to load the image into").
			WithHint("name one with --docker-host, or write --output type=docker,dest=app.tar for docker load elsewhere")
	}
	into, err := d.Open(ctx)
	if err != nil {
		return nil, err
	}
	f, err := os.CreateTemp("", "nixpacks-load-")
	if err == nil {
		err = os.Remove(f.Name())
	}
	if err != nil {
		into.Close()
		return nil, fault.Wrap(fault.Usage, err, "there is no place for the image that goes to docker")
	}
	return &loading{into, f}, nil
}

// writer returns a function that receives the archive and stores the image's digest in d.
func (l *loading) writer(d *digest.Digest) func(map[string]string) (io.WriteCloser, error) {
	return func(about map[string]string) (io.WriteCloser, error) {
		*d = digest.Digest(about[exptypes.ExporterImageDigestKey])
		return keepOpen{l.file}, nil
	}
}

// commit loads the image into the engine.
func (l *loading) commit(ctx context.Context) error {
	defer l.abort()
	_, err := l.file.Seek(0, io.SeekStart)
	if err == nil {
		err = l.send(ctx)
	}
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return interrupted(ctx)
	}
	return fault.New(fault.TryAgain, "the docker engine at %s did not take the image: %s", l.into.Where, plainCause(err))
}

// send loads the archive and looks for an error in the engine's response.
func (l *loading) send(ctx context.Context) error {
	resp, err := l.into.ImageLoad(ctx, l.file)
	if err != nil {
		return err
	}
	defer resp.Close()
	for lines := json.NewDecoder(resp); ; {
		var line struct{ Error string }
		if err := lines.Decode(&line); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if line.Error != "" {
			return errors.New(line.Error)
		}
	}
}

func (l *loading) abort() {
	l.file.Close()
	l.into.Close()
}

package docker

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"

	"github.com/containerd/errdefs"
	dockerclient "github.com/moby/moby/client"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/remote"
)

// Client is a connection to a docker engine. The caller must close it.
type Client struct {
	api   *dockerclient.Client
	where string
}

// Where returns the engine's address, for messages.
func (c *Client) Where() string { return c.where }

// Close closes the connection.
func (c *Client) Close() error { return c.api.Close() }

// Version returns the engine's version, such as 29.7.2. The error is not a fault.
func (c *Client) Version(ctx context.Context) (string, error) {
	v, err := c.api.ServerVersion(ctx, dockerclient.ServerVersionOptions{})
	return v.Version, err
}

// Dial opens a connection of another protocol through the engine's API: path is the API's, proto the protocol to switch
// to, and meta are additional headers. The error is not a fault.
func (c *Client) Dial(ctx context.Context, path, proto string, meta map[string][]string) (net.Conn, error) {
	return c.api.DialHijack(ctx, path, proto, meta)
}

// EnsureImage loads an image into the engine unless the engine has one called name. save writes a docker archive with an
// image of that name. Faults: TryAgain if the engine does not take the image, Interrupted if ctx has ended.
func (c *Client) EnsureImage(ctx context.Context, name string, save func(io.Writer) error) error {
	_, err := c.api.ImageInspect(ctx, name)
	if err == nil {
		return nil
	}
	if !errdefs.IsNotFound(err) {
		return c.failed(ctx, err, "cannot inspect the image "+name)
	}
	r, w := io.Pipe()
	go func() { w.CloseWithError(save(w)) }()
	defer r.Close()
	if err := c.load(ctx, r); err != nil {
		return c.failed(ctx, err, "cannot load "+name)
	}
	if _, err := c.api.ImageInspect(ctx, name); err != nil { // an archive without images is no error for the engine
		return c.failed(ctx, err, "did not load "+name)
	}
	return nil
}

// load loads a docker archive. Once the engine has begun to answer, it reports an error as a part of the answer.
func (c *Client) load(ctx context.Context, archive io.Reader) error {
	answer, err := c.api.ImageLoad(ctx, archive)
	if err != nil {
		return err
	}
	defer answer.Close()
	for lines := json.NewDecoder(answer); ; {
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

// failed returns the fault for a request that failed.
func (c *Client) failed(ctx context.Context, err error, what string) error {
	if ctx.Err() != nil {
		return fault.Interruption(ctx)
	}
	return &fault.Fault{Code: fault.TryAgain, Msg: "the docker engine at " + c.where + " " + what + ": " + remote.Cause(err), Err: err}
}

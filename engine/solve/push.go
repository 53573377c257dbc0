package solve

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"

	"github.com/containerd/containerd/v2/core/remotes"
	"github.com/containerd/containerd/v2/core/remotes/docker"
	contentlocal "github.com/containerd/containerd/v2/plugins/content/local"
	"github.com/containerd/platforms"
	"github.com/docker/cli/cli/config"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/nixpacks-cue/nixpacks/engine/buildkitd"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/remote"
	"github.com/nixpacks-cue/nixpacks/engine/stall"
)

// Push pushes the only image of an OCI layout directory to a registry under a name, for all its platforms. It uses the
// credentials of docker login. Like Docker, it uses no TLS for a registry on this machine.
func Push(ctx context.Context, layout, name string) error {
	buildkitd.SetLog(nil, false) // containerd warns about file systems without fs-verity
	full, err := FullName(name)
	if err != nil {
		return err
	}
	desc, err := onlyImage(layout)
	if err != nil {
		return err
	}
	store, err := contentlocal.NewStore(layout)
	if err != nil {
		return fault.Wrap(fault.Usage, err, "%s cannot be read", layout)
	}
	resolver := docker.NewResolver(docker.ResolverOptions{Hosts: docker.ConfigureDefaultRegistries(
		docker.WithClient(&http.Client{Transport: stall.Transport(http.DefaultTransport, buildkitd.Patience)}),
		docker.WithPlainHTTP(docker.MatchLocalhost), docker.WithAuthorizer(docker.NewDockerAuthorizer(docker.WithAuthCreds(credentials))))})
	pusher, err := resolver.Pusher(ctx, full)
	if err == nil {
		err = remotes.PushContent(ctx, pusher, desc, store, nil, platforms.All, nil)
	}
	if ctx.Err() != nil {
		return fault.Interruption(ctx)
	}
	if err == nil {
		return nil
	}
	return pushFault(err, remote.Cause(err), name)
}

// credentials returns the credentials in docker's configuration for a registry.
func credentials(host string) (user, secret string, err error) {
	if host == "registry-1.docker.io" {
		host = "https://index.docker.io/v1/" // as the configuration calls it
	}
	auth, err := config.LoadDefaultConfigFile(io.Discard).GetAuthConfig(host)
	if auth.IdentityToken != "" {
		return "", auth.IdentityToken, err
	}
	return auth.Username, auth.Password, err
}

// onlyImage returns the descriptor of the only image in a layout, which may be a multi-platform image.
func onlyImage(layout string) (ocispecs.Descriptor, error) {
	raw, err := os.ReadFile(filepath.Join(layout, ocispecs.ImageIndexFile))
	var index ocispecs.Index
	if err == nil {
		err = json.Unmarshal(raw, &index)
	}
	if err == nil && len(index.Manifests) != 1 {
		err = errors.New("it does not contain exactly one image")
	}
	if err != nil {
		return ocispecs.Descriptor{}, fault.Wrap(fault.Usage, err, "%s cannot be pushed", layout)
	}
	d := index.Manifests[0]
	d.Annotations = nil // its name in the layout
	return d, nil
}

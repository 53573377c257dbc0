package solve

import (
	"context"
	"io"
	"sync"

	"github.com/docker/cli/cli/config"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/auth"
	"github.com/moby/buildkit/session/auth/authprovider"
	"github.com/moby/buildkit/util/tracing"
	"google.golang.org/grpc"

	"github.com/nixpacks-cue/nixpacks/engine/buildkitd"
	"github.com/nixpacks-cue/nixpacks/engine/stall"
)

// maxToken limits the response of a token server in bytes.
const maxToken = 1 << 20

// limitTokens limits the responses to the requests of BuildKit's auth provider, which decodes them in memory. It takes no client
// from its caller, and always uses this one.
var limitTokens = sync.OnceFunc(func() {
	tracing.DefaultClient.Transport = stall.Limit(tracing.DefaultClient.Transport, maxToken)
})

// logins answers BuildKit's requests for docker's credentials. It adds a timeout for token servers.
type logins struct{ auth.AuthServer }

func newLogins() session.Attachable {
	limitTokens()
	given := authprovider.NewDockerAuthProvider(authprovider.DockerAuthProviderConfig{
		AuthConfigProvider: authprovider.LoadAuthConfig(config.LoadDefaultConfigFile(io.Discard)),
	})
	if s, ok := given.(auth.AuthServer); ok {
		return logins{s}
	}
	return given
}

// Register registers the auth service of a session.
func (l logins) Register(s *grpc.Server) { auth.RegisterAuthServer(s, l) }

// FetchToken requests a token from the registry's token server.
func (l logins) FetchToken(ctx context.Context, req *auth.FetchTokenRequest) (*auth.FetchTokenResponse, error) {
	late := stall.Error{Host: req.Host, After: buildkitd.Patience}
	ctx, cancel := context.WithTimeoutCause(ctx, buildkitd.Patience, late)
	defer cancel()
	out, err := l.AuthServer.FetchToken(ctx, req)
	if err != nil && context.Cause(ctx) == late {
		err = late
	}
	return out, err
}

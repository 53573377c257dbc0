// Package docker connects to docker engines and loads images into them. It reads the same settings as docker's own CLI.
package docker

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/docker/cli/cli/config"
	dockercontext "github.com/docker/cli/cli/context"
	dockerendpoint "github.com/docker/cli/cli/context/docker"
	"github.com/docker/cli/cli/context/store"
	dockerclient "github.com/moby/moby/client"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/lazy"
	"github.com/nixpacks-cue/nixpacks/engine/remote"
)

// schemes of engine addresses, in the order used in messages.
var schemes = []string{"unix", "tcp", "ssh", "npipe", "http", "https"}

// Engine selects a docker engine.
type Engine struct {
	// Host is the engine's address: unix://PATH, tcp://HOST:PORT or ssh://HOST. "" uses that of Context.
	Host string
	// Context is a docker context. "" is the current one, which defaults to docker's default socket.
	Context string
	// TLSVerify requires a server certificate from the CA in CertPath.
	TLSVerify bool
	// CertPath is a directory with ca.pem, cert.pem and key.pem. "" is docker's own directory.
	CertPath string
}

// Present reports whether a docker engine is expected: either it is configured, or the default socket exists.
func (e Engine) Present() bool {
	if e.Host != "" || e.context() != "" {
		return true
	}
	_, err := os.Stat(strings.TrimPrefix(dockerclient.DefaultDockerHost, "unix://"))
	return err == nil
}

// context returns the name of the current docker context, or "" for the default context.
func (e Engine) context() string {
	name := e.Context
	if name == "" && e.Host == "" {
		if file, err := config.Load(""); err == nil {
			name = file.CurrentContext
		}
	}
	if name == "default" {
		return ""
	}
	return name
}

// Open connects to the engine and pings it. Faults: Usage for an invalid address or invalid or rejected certificates,
// TryAgain for an engine that does not answer.
func (e Engine) Open(ctx context.Context) (*Client, error) {
	end, err := e.endpoint()
	if err != nil {
		return nil, err
	}
	if scheme, _, _ := strings.Cut(end.Host, "://"); !slices.Contains(schemes, scheme) {
		return nil, fault.New(fault.Usage, "%q is not the address of a docker engine", end.Host).
			WithHint("an address begins with %s://", strings.Join(schemes, "://, "))
	}
	opts, err := end.ClientOpts()
	if err != nil {
		return nil, fault.New(fault.Usage, "the docker engine's address %q cannot be used: %v", end.Host, err)
	}
	c, err := dockerclient.New(append(opts, dockerclient.WithUserAgent("nixpacks"))...)
	if err != nil {
		return nil, fault.New(fault.Usage, "the docker engine's address %q cannot be used: %v", end.Host, err)
	}
	ask, cancel := context.WithTimeout(ctx, remote.AnswerTimeout)
	defer cancel()
	if _, err := c.Ping(ask, dockerclient.PingOptions{NegotiateAPIVersion: true}); err != nil {
		c.Close()
		if ctx.Err() != nil {
			return nil, fault.Interruption(ctx)
		}
		return nil, openFault(end.Host, err)
	}
	return &Client{api: c, where: end.Host}, nil
}

// openFault returns the fault for an engine that does not answer.
func openFault(host string, err error) error {
	cause := unanswered().ReplaceAllString(remote.Cause(err), "")
	f := &fault.Fault{Code: fault.TryAgain, Msg: "the docker engine at " + host + " does not answer: " + cause, Hint: "check that it is running and that you have permission to use it", Err: err}
	switch {
	case strings.Contains(cause, "HTTP request to an HTTPS server"):
		f.Code, f.Hint = fault.Usage, "it requires TLS: add --docker-tls-verify 1, and --docker-cert-path DIR with ca.pem, cert.pem and key.pem"
	case strings.Contains(cause, "HTTP response to HTTPS client"), strings.Contains(cause, "first record does not look like a TLS handshake"):
		f.Code, f.Hint = fault.Usage, "it does not use TLS: remove --docker-tls-verify and DOCKER_TLS_VERIFY"
	case remote.UntrustedServer(cause):
		f.Code, f.Hint = fault.Usage, "its certificate must be signed by the CA in ca.pem of --docker-cert-path, and be valid for its host"
	case remote.UntrustedClient(cause):
		f.Code, f.Hint = fault.Usage, "it must accept the client certificate in cert.pem and key.pem of --docker-cert-path"
	}
	return f
}

// unanswered matches the prefixes that docker's client adds to the reason.
var unanswered = lazy.Regexp(`^failed to connect to the docker API at \S+?[:;] |^error during connect: |check if the path is correct and if the daemon is running: `)

// endpoint returns the engine's address and certificates.
func (e Engine) endpoint() (dockerendpoint.Endpoint, error) {
	if name := e.context(); name != "" {
		return contextEndpoint(name)
	}
	end := dockerendpoint.Endpoint{EndpointMeta: dockerendpoint.EndpointMeta{Host: cmp.Or(e.Host, dockerclient.DefaultDockerHost)}}
	if !e.TLSVerify {
		return end, nil
	}
	file := func(name string) string { return filepath.Join(cmp.Or(e.CertPath, config.Dir()), name) }
	var err error
	if end.TLSData, err = dockercontext.TLSDataFromFiles(file("ca.pem"), file("cert.pem"), file("key.pem")); err != nil {
		return end, fault.New(fault.Usage, "the certificates for the docker engine at %s cannot be read: %v", end.Host, err)
	}
	return end, nil
}

func contextEndpoint(name string) (dockerendpoint.Endpoint, error) {
	s := store.New(config.ContextStoreDir(), store.NewConfig(func() any { return &map[string]any{} },
		store.EndpointTypeGetter(dockerendpoint.DockerEndpoint, func() any { return &dockerendpoint.EndpointMeta{} })))
	meta, err := s.GetMetadata(name)
	if err != nil {
		return dockerendpoint.Endpoint{}, fault.New(fault.Usage, "docker's context %q cannot be used: %v", name, err).
			WithHint("list the contexts: docker context ls")
	}
	end, err := dockerendpoint.EndpointFromContext(meta)
	if err != nil {
		return dockerendpoint.Endpoint{}, fault.Wrap(fault.Usage, err, "docker's context %q has no docker engine", name)
	}
	out, err := dockerendpoint.WithTLSData(s, name, end)
	return out, fault.Wrap(fault.Usage, err, "the certificates of docker's context %q cannot be read", name)
}

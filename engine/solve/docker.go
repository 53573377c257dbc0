package solve

import (
	"cmp"
	"context"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/docker/cli/cli/config"
	dockercontext "github.com/docker/cli/cli/context"
	"github.com/docker/cli/cli/context/docker"
	"github.com/docker/cli/cli/context/store"
	"github.com/moby/buildkit/client"
	dockerclient "github.com/moby/moby/client"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/lazy"
)

// dockerScheme is the scheme of docker engine addresses: docker:// or docker://CONTEXT.
const dockerScheme = "docker"

// dockerHosts are the valid schemes of a docker engine's address.
var dockerHosts = []string{"unix", "tcp", "ssh", "npipe", "http", "https"}

// Docker selects a docker engine, with the same settings as docker's own CLI.
type Docker struct {
	// Host is the engine's address: unix://PATH, tcp://HOST:PORT or ssh://HOST. "" uses that of Context.
	Host string
	// Context is a docker context. "" is the current one, which defaults to docker's default socket.
	Context string
	// TLSVerify requires a server certificate from the CA in CertPath.
	TLSVerify bool
	// CertPath is a directory with ca.pem, cert.pem and key.pem. "" is docker's own directory.
	CertPath string
}

// Dockerd is a client of a docker engine. The caller must close it.
type Dockerd struct {
	*dockerclient.Client
	// Where is the engine's address, for messages.
	Where string
}

// Present reports whether a docker engine is expected: either it is configured, or the default socket exists.
func (d Docker) Present() bool {
	if d.Host != "" || d.context() != "" {
		return true
	}
	_, err := os.Stat(strings.TrimPrefix(dockerclient.DefaultDockerHost, "unix://"))
	return err == nil
}

// context returns the name of the current docker context, or "" for the default context.
func (d Docker) context() string {
	name := d.Context
	if name == "" && d.Host == "" {
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
func (d Docker) Open(ctx context.Context) (*Dockerd, error) {
	end, err := d.endpoint()
	if err != nil {
		return nil, err
	}
	if scheme, _, _ := strings.Cut(end.Host, "://"); !slices.Contains(dockerHosts, scheme) {
		return nil, fault.New(fault.Usage, "%q is no address of a docker engine", end.Host).
			WithHint("addresses begin with %s://", strings.Join(dockerHosts, "://, "))
	}
	opts, err := end.ClientOpts()
	if err != nil {
		return nil, fault.New(fault.Usage, "the docker engine's address %q cannot be used: %v", end.Host, err)
	}
	c, err := dockerclient.New(append(opts, dockerclient.WithUserAgent("nixpacks"))...)
	if err != nil {
		return nil, fault.New(fault.Usage, "the docker engine's address %q cannot be used: %v", end.Host, err)
	}
	ask, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	if _, err := c.Ping(ask, dockerclient.PingOptions{NegotiateAPIVersion: true}); err != nil {
		c.Close()
		if ctx.Err() != nil {
			return nil, interrupted(ctx)
		}
		return nil, dockerFault(end.Host, err)
	}
	return &Dockerd{Client: c, Where: end.Host}, nil
}

// dockerFault returns the fault for an engine that does not answer.
func dockerFault(host string, err error) error {
	cause := unanswered().ReplaceAllString(plainCause(err), "")
	f := &fault.Fault{Code: fault.TryAgain, Msg: "the docker engine at " + host + " does not answer: " + cause, Hint: "is it running, and may you use it?", Err: err}
	switch {
	case strings.Contains(cause, "HTTP request to an HTTPS server"):
		f.Code, f.Hint = fault.Usage, "it wants TLS: add --docker-tls-verify 1, and --docker-cert-path DIR with ca.pem, cert.pem and key.pem"
	case strings.Contains(cause, "HTTP response to HTTPS client"), strings.Contains(cause, "first record does not look like a TLS handshake"):
		f.Code, f.Hint = fault.Usage, "it speaks no TLS: leave --docker-tls-verify and DOCKER_TLS_VERIFY out"
	case theirCert().MatchString(cause):
		f.Code, f.Hint = fault.Usage, "its certificate must come from the authority in ca.pem of --docker-cert-path, and be for its host"
	case ourCert().MatchString(cause):
		f.Code, f.Hint = fault.Usage, "cert.pem and key.pem of --docker-cert-path are the certificate that it knows you by"
	}
	return f
}

// unanswered matches the prefixes that docker's client adds to the reason.
var unanswered = lazy.Regexp(`^failed to connect to the docker API at \S+?[:;] |^error during connect: |check if the path is correct and if the daemon is running: `)

// endpoint returns the engine's address and certificates.
func (d Docker) endpoint() (docker.Endpoint, error) {
	if name := d.context(); name != "" {
		return contextEndpoint(name)
	}
	end := docker.Endpoint{EndpointMeta: docker.EndpointMeta{Host: cmp.Or(d.Host, dockerclient.DefaultDockerHost)}}
	if !d.TLSVerify {
		return end, nil
	}
	file := func(name string) string { return filepath.Join(cmp.Or(d.CertPath, config.Dir()), name) }
	var err error
	if end.TLSData, err = dockercontext.TLSDataFromFiles(file("ca.pem"), file("cert.pem"), file("key.pem")); err != nil {
		return end, fault.New(fault.Usage, "the certificates for the docker engine at %s cannot be read: %v", end.Host, err)
	}
	return end, nil
}

func contextEndpoint(name string) (docker.Endpoint, error) {
	s := store.New(config.ContextStoreDir(), store.NewConfig(func() any { return &map[string]any{} },
		store.EndpointTypeGetter(docker.DockerEndpoint, func() any { return &docker.EndpointMeta{} })))
	meta, err := s.GetMetadata(name)
	if err != nil {
		return docker.Endpoint{}, fault.New(fault.Usage, "docker's context %q cannot be used: %v", name, err).
			WithHint("docker context ls shows those that there are")
	}
	end, err := docker.EndpointFromContext(meta)
	if err != nil {
		return docker.Endpoint{}, fault.Wrap(fault.Usage, err, "docker's context %q names no docker engine", name)
	}
	out, err := docker.WithTLSData(s, name, end)
	return out, fault.Wrap(fault.Usage, err, "the certificates of docker's context %q cannot be read", name)
}

// buildkit returns a client of the engine's own BuildKit, which is reached through the engine's API.
func (d *Dockerd) buildkit(ctx context.Context) (*client.Client, error) {
	return client.New(context.WithoutCancel(ctx), "passthrough:///docker",
		client.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return d.DialHijack(ctx, "/grpc", "h2c", nil)
		}),
		client.WithSessionDialer(func(ctx context.Context, proto string, meta map[string][]string) (net.Conn, error) {
			return d.DialHijack(ctx, "/session", proto, meta)
		}))
}

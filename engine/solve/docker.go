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

// dockerScheme begins the addresses of docker engines: docker://, or docker://CONTEXT.
const dockerScheme = "docker"

// dockerHosts are the schemes of a docker engine's addresses.
var dockerHosts = []string{"unix", "tcp", "ssh", "npipe", "http", "https"}

// Docker says which docker engine is meant, as docker's own programs are told.
type Docker struct {
	// Host is the engine's address, unix://PATH, tcp://HOST:PORT or ssh://HOST. "" is that of Context.
	Host string
	// Context is one of docker's contexts; "" is the one in use, which without any is docker's default socket.
	Context string
	// TLSVerify demands that the engine at Host has a certificate of CertPath's authority.
	TLSVerify bool
	// CertPath is a directory with ca.pem, cert.pem and key.pem; "" is docker's own directory.
	CertPath string
}

// Dockerd is a docker engine that can be asked. The caller closes it.
type Dockerd struct {
	*dockerclient.Client
	// Where is the engine's address, for messages.
	Where string
}

// Present tells whether a docker engine is to be expected: one is named, or its socket is there.
func (d Docker) Present() bool {
	if d.Host != "" || d.context() != "" {
		return true
	}
	_, err := os.Stat(strings.TrimPrefix(dockerclient.DefaultDockerHost, "unix://"))
	return err == nil
}

// context is the name of docker's context in use; "" is the default one.
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

// Open makes a client, and says hello. Faults: Usage for an address or certificates that make no sense or that the engine
// refuses, TryAgain for one that does not answer.
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
		return nil, silentDocker(end.Host, err)
	}
	return &Dockerd{Client: c, Where: end.Host}, nil
}

// silentDocker is the fault for an engine that gives no answer.
func silentDocker(host string, err error) error {
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

// unanswered is what docker's client says in front of the reason.
var unanswered = lazy.Regexp(`^failed to connect to the docker API at \S+?[:;] |^error during connect: |check if the path is correct and if the daemon is running: `)

// endpoint is the engine's address with its certificates.
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

// buildkit is a client of the engine's own BuildKit, which is reached through the engine's API.
func (d *Dockerd) buildkit(ctx context.Context) (*client.Client, error) {
	return client.New(context.WithoutCancel(ctx), "passthrough:///docker",
		client.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return d.DialHijack(ctx, "/grpc", "h2c", nil)
		}),
		client.WithSessionDialer(func(ctx context.Context, proto string, meta map[string][]string) (net.Conn, error) {
			return d.DialHijack(ctx, "/session", proto, meta)
		}))
}

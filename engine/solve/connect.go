// Package solve runs plans on a BuildKit, embedded or remote. It connects to the engine, resolves the base images,
// provides the build context, shows progress, writes the outputs, explains failures, and runs finished images.
package solve

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/moby/buildkit/client"
	_ "github.com/moby/buildkit/client/connhelper/dockercontainer" // docker-container://
	_ "github.com/moby/buildkit/client/connhelper/kubepod"         // kube-pod://
	_ "github.com/moby/buildkit/client/connhelper/podmancontainer" // podman-container://
	_ "github.com/moby/buildkit/client/connhelper/ssh"             // ssh://
	"github.com/moby/buildkit/util/apicaps"
	"github.com/moby/buildkit/util/entitlements"

	"github.com/nixpacks-cue/nixpacks/engine/buildkitd"
	"github.com/nixpacks-cue/nixpacks/engine/docker"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/remote"
)

// dockerScheme is the scheme of builder addresses that name a docker engine's BuildKit: docker:// or docker://CONTEXT.
const dockerScheme = "docker"

// schemes of builder addresses, in the order used in messages.
var schemes = []string{"unix", "tcp", dockerScheme, "docker-container", "podman-container", "kube-pod", "ssh"}

// programs that connect to a builder, by scheme. On the remote side they start buildctl.
var programs = map[string]string{"docker-container": "docker", "podman-container": "podman", "kube-pod": "kubectl", "ssh": "ssh"}

// hostNetwork is the entitlement that a step or container needs for the host network of the engine.
const hostNetwork = string(entitlements.EntitlementNetworkHost)

// Target selects a BuildKit.
type Target struct {
	// Builder is the address of a BuildKit: unix://PATH, tcp://HOST:PORT, docker-container://NAME,
	// podman-container://NAME, kube-pod://NAME or ssh://HOST. docker:// is the BuildKit of the docker engine,
	// docker://CONTEXT that of a docker context. "" is the embedded engine, or the docker engine's where there is no
	// embedded one.
	Builder string
	// From is the source of Builder ("--builder", "BUILDKIT_HOST"), for messages.
	From string
	// TLS files for a tcp:// builder.
	TLS TLS
	tls *tls.Config // of TLS, set by check
	// Docker is the docker engine for docker://.
	Docker docker.Engine
	// Embedded configures the embedded engine.
	Embedded buildkitd.Options
	// Say receives one message that names the engine and the reason for choosing it. Nil discards it.
	Say func(string)
}

// Engine is a connected BuildKit.
type Engine struct {
	client   *client.Client
	closer   func() error
	embedded bool
	docker   *docker.Client  // set if this is a docker engine's BuildKit
	able     *apicaps.CapSet // capabilities of a remote BuildKit, once it was asked
	where    string          // for messages
	state    string          // state directory of the embedded engine
	say      func(string)    // may be nil
}

// Where describes the BuildKit for messages.
func (e *Engine) Where() string { return e.where }

// Connect connects to the BuildKit and waits for its first answer. Faults: Usage for an invalid address, TryAgain for a
// builder that does not answer.
func Connect(ctx context.Context, t Target) (*Engine, error) {
	say := t.Say
	if say == nil {
		say = func(string) {}
	}
	switch {
	case t.Builder != "" && !t.IsDocker():
		return connectRemote(ctx, t, say)
	case t.IsDocker():
		return connectDocker(ctx, t, say)
	}
	return connectEmbedded(ctx, t, say)
}

// IsDocker reports whether t selects the docker engine's BuildKit. It is the default on systems without an embedded
// engine.
func (t Target) IsDocker() bool {
	return t.Builder == dockerScheme || strings.HasPrefix(t.Builder, dockerScheme+"://") || t.Builder == "" && runtime.GOOS != "linux"
}

func connectEmbedded(ctx context.Context, t Target, say func(string)) (*Engine, error) {
	o := t.Embedded
	if !slices.Contains(o.Entitlements, hostNetwork) { // Run needs it, and only processes with equal settings share an engine
		o.Entitlements = append(slices.Clone(o.Entitlements), hostNetwork)
	}
	c, closer, joined, err := buildkitd.Connect(ctx, o)
	if err != nil {
		return nil, err
	}
	how := "the embedded BuildKit " + buildkitd.Version
	if joined {
		how += " of another running nixpacks process"
	}
	say("engine: " + how + ", as neither --builder nor BUILDKIT_HOST is set")
	return &Engine{client: c, closer: closer, embedded: true, where: "the embedded BuildKit", state: filepath.Clean(o.State), say: say}, nil
}

func connectRemote(ctx context.Context, t Target, say func(string)) (*Engine, error) {
	buildkitd.SetLog(t.Embedded.Log, t.Embedded.Debug)
	opts, err := t.check()
	if err != nil {
		return nil, err
	}
	c, err := client.New(ctx, t.Builder, opts...)
	if err != nil {
		return nil, fault.Wrap(fault.Usage, err, "the builder's address %q cannot be used", t.Builder)
	}
	version, err := t.hello(ctx, c)
	if err != nil {
		c.Close()
		return nil, err
	}
	say(fmt.Sprintf("engine: BuildKit%s at %s, from %s", version, t.Builder, t.from()))
	return &Engine{client: c, closer: c.Close, where: t.Builder, say: say}, nil
}

// hello waits for the first answer and returns the version with a leading space.
func (t Target) hello(ctx context.Context, c *client.Client) (string, error) {
	ask, cancel := context.WithTimeout(ctx, remote.AnswerTimeout)
	defer cancel()
	info, err := c.Info(ask)
	switch {
	case isUnimplemented(err): // BuildKit before 0.11 has no Info call, but this error is an answer
		return "", nil
	case err != nil:
		return "", t.connectFault(ctx, err)
	case info.BuildkitVersion.Version == "":
		return "", nil
	}
	return " " + info.BuildkitVersion.Version, nil
}

func connectDocker(ctx context.Context, t Target, say func(string)) (*Engine, error) {
	buildkitd.SetLog(t.Embedded.Log, t.Embedded.Debug)
	if t.TLS != (TLS{}) {
		return nil, fault.New(fault.Usage, "the TLS files apply to tcp:// builders, not to a docker engine").
			WithHint("for docker, use --docker-tls-verify and --docker-cert-path")
	}
	if name := strings.TrimPrefix(strings.TrimPrefix(t.Builder, dockerScheme), "://"); name != "" {
		t.Docker = docker.Engine{Context: name}
	}
	d, err := t.Docker.Open(ctx)
	if err != nil {
		return nil, err
	}
	c, err := dockerBuildKit(ctx, d)
	if err != nil {
		d.Close()
		return nil, fault.Wrap(fault.Bug, err, "cannot connect to the docker engine's BuildKit")
	}
	e := &Engine{client: c, closer: func() error { return errors.Join(c.Close(), d.Close()) }, docker: d,
		where: "the docker engine at " + d.Where(), say: say}
	if _, err := t.hello(ctx, c); err != nil {
		e.Close()
		return nil, err
	}
	version := ""
	if v, err := d.Version(ctx); err == nil {
		version = " " + v
	}
	why := "from " + t.from()
	if t.Builder == "" {
		why = "as the embedded BuildKit is available only on Linux"
	}
	say(fmt.Sprintf("engine: the BuildKit of Docker%s at %s, %s", version, d.Where(), why))
	return e, nil
}

// dockerBuildKit returns a client of a docker engine's own BuildKit, which is reached through the engine's API.
func dockerBuildKit(ctx context.Context, d *docker.Client) (*client.Client, error) {
	return client.New(context.WithoutCancel(ctx), "passthrough:///docker",
		client.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return d.Dial(ctx, "/grpc", "h2c", nil)
		}),
		client.WithSessionDialer(func(ctx context.Context, proto string, meta map[string][]string) (net.Conn, error) {
			return d.Dial(ctx, "/session", proto, meta)
		}))
}

// check rejects an invalid target before any connection is made, and reads its TLS files.
func (t *Target) check() ([]client.ClientOpt, error) {
	u, err := url.Parse(t.Builder)
	if err != nil || !slices.Contains(schemes, u.Scheme) {
		return nil, fault.New(fault.Usage, "%s: %q is not a BuildKit address", t.from(), t.Builder).
			WithHint("an address begins with %s://", strings.Join(schemes, "://, "))
	}
	if program := programs[u.Scheme]; program != "" {
		if _, err := exec.LookPath(program); err != nil {
			return nil, fault.New(fault.Usage, "%s is needed to connect to %s, but is not on PATH", program, t.Builder)
		}
	}
	if t.TLS == (TLS{}) {
		return nil, nil
	}
	if u.Scheme != "tcp" {
		return nil, fault.New(fault.Usage, "TLS files apply to tcp:// builders, not to %s", t.Builder)
	}
	if t.tls, err = t.TLS.config(u.Hostname()); err != nil {
		return nil, err
	}
	return []client.ClientOpt{dialTLS(t.tls)}, nil
}

func (t Target) from() string {
	if t.From == "" {
		return "--builder"
	}
	return t.From
}

// Close disconnects from the engine. The embedded engine ends, after waiting for its other clients.
func (e *Engine) Close() error {
	return fault.Wrap(fault.Bug, e.closer(), "the engine did not shut down")
}

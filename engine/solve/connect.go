// Package solve runs plans on a BuildKit, embedded or elsewhere: it finds the engine, resolves the base
// images, hands the app's directory to the build, shows progress, writes the outputs, explains failures,
// and runs finished images.
package solve

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/moby/buildkit/client"
	_ "github.com/moby/buildkit/client/connhelper/dockercontainer" // docker-container://
	_ "github.com/moby/buildkit/client/connhelper/kubepod"         // kube-pod://
	_ "github.com/moby/buildkit/client/connhelper/podmancontainer" // podman-container://
	_ "github.com/moby/buildkit/client/connhelper/ssh"             // ssh://
	"github.com/moby/buildkit/util/entitlements"

	"github.com/nixpacks-cue/nixpacks/engine/buildkitd"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// schemes of builders, in the order in which messages name them.
var schemes = []string{"unix", "tcp", "docker-container", "podman-container", "kube-pod", "ssh"}

// hostNetwork is the leave that a step or a container needs for the network of the engine's machine.
const hostNetwork = string(entitlements.EntitlementNetworkHost)

// answerTimeout is how long a builder may take to answer the first question.
const answerTimeout = 15 * time.Second

// Target says which BuildKit is meant.
type Target struct {
	// Builder is the address of a BuildKit: unix://PATH, tcp://HOST:PORT, docker-container://NAME,
	// podman-container://NAME, kube-pod://NAME or ssh://HOST. "" is the embedded one.
	Builder string
	// From says where Builder comes from ("--builder", "BUILDKIT_HOST"), for messages.
	From string
	// TLS of a tcp:// builder.
	TLS TLS
	// Embedded are the settings of the embedded engine.
	Embedded buildkitd.Options
	// Say gets one line: which engine it is, and why. Nil drops it.
	Say func(string)
}

// TLS are PEM files for a tcp:// builder.
type TLS struct {
	CA, Cert, Key string
	ServerName    string // to verify; "" is the host of the address
}

// Engine is a BuildKit that answers.
type Engine struct {
	client   *client.Client
	closer   func() error
	embedded bool
	where    string // for messages
}

// Connect finds the BuildKit and waits for its first answer. Faults: Usage for an address that makes no
// sense, TryAgain for a builder that does not answer.
func Connect(ctx context.Context, t Target) (*Engine, error) {
	say := t.Say
	if say == nil {
		say = func(string) {}
	}
	if t.Builder == "" {
		return connectEmbedded(ctx, t, say)
	}
	return connectRemote(ctx, t, say)
}

func connectEmbedded(ctx context.Context, t Target, say func(string)) (*Engine, error) {
	o := t.Embedded
	if !slices.Contains(o.Entitlements, hostNetwork) { // Run needs it, and an engine is shared only by equals
		o.Entitlements = append(slices.Clone(o.Entitlements), hostNetwork)
	}
	c, closer, joined, err := buildkitd.Connect(ctx, o)
	if err != nil {
		return nil, err
	}
	how := "the embedded BuildKit " + buildkitd.Version
	if joined {
		how += " of another nixpacks that is running"
	}
	say("engine: " + how + ", as neither --builder nor BUILDKIT_HOST names one")
	return &Engine{client: c, closer: closer, embedded: true, where: "the embedded BuildKit"}, nil
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
	askCtx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	info, err := c.Info(askCtx)
	if err != nil && !isUnimplemented(err) { // BuildKit before 0.11 has no Info, and has answered
		c.Close()
		return nil, t.silent(ctx, err)
	}
	how := "BuildKit"
	if info != nil && info.BuildkitVersion.Version != "" {
		how += " " + info.BuildkitVersion.Version
	}
	say(fmt.Sprintf("engine: %s at %s, as %s says", how, t.Builder, t.from()))
	return &Engine{client: c, closer: c.Close, where: t.Builder}, nil
}

// check refuses an address that cannot work, before anything is dialled.
func (t Target) check() ([]client.ClientOpt, error) {
	u, err := url.Parse(t.Builder)
	if err != nil || !slices.Contains(schemes, u.Scheme) {
		return nil, fault.New(fault.Usage, "%s: %q is no address of a BuildKit", t.from(), t.Builder).
			WithHint("addresses begin with %s://", strings.Join(schemes, "://, "))
	}
	if t.TLS == (TLS{}) {
		return nil, nil
	}
	if u.Scheme != "tcp" {
		return nil, fault.New(fault.Usage, "TLS files are for tcp:// builders, not for %s", t.Builder)
	}
	for _, f := range []string{t.TLS.CA, t.TLS.Cert, t.TLS.Key} {
		if _, err := os.Stat(f); f != "" && err != nil {
			return nil, fault.Wrap(fault.Usage, err, "the builder's TLS file %s cannot be read", f)
		}
	}
	name := t.TLS.ServerName
	if name == "" {
		name = u.Hostname()
	}
	opts := []client.ClientOpt{client.WithServerConfigSystem(name)}
	if t.TLS.CA != "" {
		opts = []client.ClientOpt{client.WithServerConfig(name, t.TLS.CA)}
	}
	if t.TLS.Cert != "" || t.TLS.Key != "" {
		opts = append(opts, client.WithCredentials(t.TLS.Cert, t.TLS.Key))
	}
	return opts, nil
}

func (t Target) from() string {
	if t.From == "" {
		return "--builder"
	}
	return t.From
}

// silent is the fault for a builder that gives no answer.
func (t Target) silent(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return interrupted(ctx)
	}
	f := fault.New(fault.TryAgain, "the BuildKit at %s does not answer: %s", t.Builder, plainCause(err)).
		WithHint("is it running, and may you use it? Without %s the embedded engine builds", t.from())
	f.Err = err
	return f
}

// Embedded says whether this is the BuildKit inside this program.
func (e *Engine) Embedded() bool { return e.embedded }

// Close gives the engine up. The embedded one ends, or waits for its other clients first.
func (e *Engine) Close() error {
	return fault.Wrap(fault.Bug, errors.Join(e.closer()), "the engine did not close")
}

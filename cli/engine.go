package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	ucli "github.com/urfave/cli/v2"

	"github.com/nixpacks-cue/nixpacks/engine/buildkitd"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
	"github.com/nixpacks-cue/nixpacks/engine/solve"
)

// engineFlags select the BuildKit that builds, and what its steps get.
func engineFlags() []ucli.Flag {
	return append(builderFlags(), []ucli.Flag{
		&ucli.StringFlag{Name: "network", Value: buildkitd.NetworkHost, Category: aboutBuild, Usage: "`host|none`: set the network of build steps (default: host with the embedded BuildKit, else the builder's)"},
		&ucli.StringFlag{Name: "progress", Value: "auto", Category: aboutWords, Usage: "`auto|plain|tty|rawjson|quiet`: set the type of progress output (default: auto)"},
		&ucli.StringFlag{Name: "ca-cert", Category: aboutPackages, Usage: "make build steps trust the certificates in a PEM `FILE`, or none (default: those this machine trusts)"},
		&ucli.StringFlag{Name: "proxy", Category: aboutPackages, Usage: "with `none`, set no proxies in build steps (default: $HTTP_PROXY, $HTTPS_PROXY, $ALL_PROXY and $NO_PROXY)"},
		&ucli.StringFlag{Name: "debian-mirror", Category: aboutPackages, Usage: "use the Debian archive `URL` for debian:// bases; {date} is the lock's date (default: this machine's apt sources)"},
		&ucli.BoolFlag{Name: "pull", Category: aboutPackages, Usage: "rebuild cached debian:// bases if newer packages are available"},
		&ucli.StringFlag{Name: "debian-keyring", Category: aboutPackages, Usage: "verify the Debian archive with the keys in `FILE` (default: Debian's own)"},
	}...)
}

// connect connects to the engine that the command line or BUILDKIT_HOST names. The caller closes it.
func connect(c *ucli.Context, h *Host) (*solve.Engine, error) {
	state, err := h.stateDir()
	if err != nil {
		return nil, err
	}
	say := speaker(c, h)
	target, err := builderTarget(c, h)
	if err != nil {
		return nil, err
	}
	keep, err := keepStorage(c)
	if err == nil && keep > 0 && target.Builder != "" && c.Command.Name != pruneName {
		err = fault.New(fault.Usage, "--keep-storage applies only to the embedded BuildKit, not to %s", target.Builder).
			WithHint("set its own limits, or run after builds: nixpacks cache prune --builder %s --keep-storage SIZE", target.Builder)
	}
	if err != nil {
		return nil, err
	}
	target.Say = say
	target.Embedded = buildkitd.Options{
		State:   filepath.Join(state, "buildkit"),
		Network: engineNetwork(c),
		// An image runs in the host's network. Every command uses this setting, so that a run and a build share an engine.
		Entitlements: []string{"network.host"},
		KeepStorage:  keep,
		MakesRoom:    c.Command.Name == pruneName,
		Say:          say,
		Force:        secondSignal(c.Context),
	}
	engaged.Store(true)
	return solve.Connect(c.Context, target)
}

// engineNetwork returns the network of the embedded engine's steps.
func engineNetwork(c *ucli.Context) string {
	if c.Bool("offline") {
		return buildkitd.NetworkNone
	}
	return c.String("network")
}

// offline reports whether the build must stay off the network. It refuses flags that need the network then.
func offline(c *ucli.Context) (bool, error) {
	if !c.Bool("offline") {
		return false, nil
	}
	for _, flag := range []string{"pull", "add-host", "network", "push"} {
		if c.IsSet(flag) && c.String(flag) != buildkitd.NetworkNone {
			return true, fault.New(fault.Usage, "--%s needs the network, and cannot be combined with --offline", flag).WithHint("remove one of them")
		}
	}
	return true, nil
}

// withEngine connects to an engine, calls do, and closes the engine.
func withEngine(c *ucli.Context, h *Host, do func(*solve.Engine) error) (err error) {
	engine, err := connect(c, h)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, engine.Close()) }()
	return do(engine)
}

// speaker returns a function that prints a line about progress, or does nothing with --progress quiet.
func speaker(c *ucli.Context, h *Host) func(string) {
	if c.String("progress") == "quiet" {
		return func(string) {}
	}
	return func(line string) { fmt.Fprintln(h.Stderr, fault.Visible(line)) }
}

// secondSignal returns a channel that is closed when the user interrupts a program that is already shutting down.
func secondSignal(ctx context.Context) <-chan struct{} {
	force := make(chan struct{})
	go func() {
		<-ctx.Done()
		again := make(chan os.Signal, 1)
		signal.Notify(again, os.Interrupt, syscall.SIGTERM)
		<-again
		close(force)
	}()
	return force
}

// bases returns how debian:// bases are made.
func bases(c *ucli.Context, h *Host) (solve.Bases, error) {
	cache, err := h.cacheDir()
	if err != nil {
		return solve.Bases{}, err
	}
	return solve.Bases{
		CacheDir: cache,
		Mirror:   c.String("debian-mirror"),
		CAFile:   ownCA(c),
		Keyring:  c.String("debian-keyring"),
		Refresh:  c.Bool("pull"),
		Say:      speaker(c, h),
	}, nil
}

// ownCA returns the file of --ca-cert; "" if the flag names none.
func ownCA(c *ucli.Context) string {
	if f := c.String("ca-cert"); f != "none" {
		return f
	}
	return ""
}

// trusted returns the file of certificates that steps trust, according to --ca-cert.
func trusted(c *ucli.Context, h *Host) (string, error) {
	switch f := c.String("ca-cert"); f {
	case "":
		return h.caFile(), nil
	case "none":
		return "", nil
	default:
		if !isFile(f) {
			return "", fault.New(fault.Usage, "--ca-cert %s is not a file", f).WithHint("give a PEM file, or none")
		}
		return f, nil
	}
}

// stepProxies returns the variables that may name proxies for steps.
func stepProxies(c *ucli.Context, h *Host) (map[string]string, error) {
	switch p := c.String("proxy"); p {
	case "":
		return environMap(h.Environ), nil
	case "none":
		return nil, nil
	default: // the message leaves out the value, which may contain a password
		return nil, fault.New(fault.Usage, "--proxy accepts only none").
			WithHint("set proxies with variables: HTTPS_PROXY=http://proxy.example.com:3128 nixpacks build …")
	}
}

func isFile(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.Mode().IsRegular()
}

// networks sets how the build and its steps reach the network, and whether they may.
func (b *theBuild) networks(c *ucli.Context, h *Host) (err error) {
	if b.request.CAFile, err = trusted(c, h); err != nil {
		return err
	}
	if b.request.Proxies, err = stepProxies(c, h); err != nil {
		return err
	}
	if b.request.Offline, err = offline(c); err != nil {
		return err
	}
	if b.request.Bases, err = bases(c, h); err != nil {
		return err
	}
	l, _, err := lockOf(c, b.path)
	if err != nil {
		return err
	}
	b.request.Bases.Auth, b.request.Bases.Locked = b.request.Secrets[plan.AptAuth], c.Bool("locked")
	b.request.Bases.Pins, b.request.Bases.Dates = l.Packages()
	return nil
}

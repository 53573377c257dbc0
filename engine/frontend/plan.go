package frontend

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/moby/buildkit/client/llb"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/opencontainers/go-digest"

	"github.com/nixpacks-cue/nixpacks/engine/app"
	"github.com/nixpacks-cue/nixpacks/engine/catalog"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/lock"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
	"github.com/nixpacks-cue/nixpacks/engine/plan2llb"
	"github.com/nixpacks-cue/nixpacks/engine/policy"
	"github.com/nixpacks-cue/nixpacks/engine/unify"
)

const epochArg = "SOURCE_DATE_EPOCH"

// appName stands for the name of the app's directory, which a daemon does not know.
const appName = "app"

// variables returns the build arguments meant for the app, without those for BuildKit.
func (b *build) variables() map[string]string {
	out := map[string]string{}
	for k, v := range b.BuildArgs {
		if !strings.HasPrefix(k, "BUILDKIT_") && k != epochArg && !plan2llb.IsProxy(k) {
			out[k] = v
		}
	}
	return out
}

// surroundings sets network, hosts and limits of the steps.
func (b *build) surroundings(in *plan2llb.Input) error {
	switch b.NetworkMode {
	case llb.NetModeHost:
		in.Network = plan2llb.NetworkHost
	case llb.NetModeNone:
		in.Network = plan2llb.NetworkNone
	}
	for _, h := range b.ExtraHosts {
		addr, ok := netip.AddrFromSlice(h.IP)
		if !ok {
			return fault.New(fault.Usage, "--add-host %s has no address", h.Host)
		}
		in.Hosts = append(in.Hosts, plan2llb.Host{Name: h.Host, Addr: addr.Unmap()})
	}
	r := b.LinuxResources
	if r == nil {
		return nil
	}
	if r.MemorySwap != 0 || r.CpuShares != 0 || r.CpusetCpus != "" || r.CpusetMems != "" || r.CpuPeriod != 0 && r.CpuQuota == 0 {
		return fault.New(fault.Usage, "of the resource limits, only --memory and --cpu-quota are supported")
	}
	in.Limits.Memory = r.Memory
	if r.CpuQuota > 0 {
		const period = 100_000 // the period of plan2llb and Linux' default
		in.Limits.CPUQuota = r.CpuQuota
		if r.CpuPeriod > 0 {
			in.Limits.CPUQuota = r.CpuQuota * period / int64(r.CpuPeriod)
		}
	}
	return nil
}

// plan sets the given plan, with the build's variables, or plans the app. dir is the app's directory below the context.
func (b *build) plan(ctx context.Context, in *plan2llb.Input) (dir string, err error) {
	if b.given.saved == nil {
		return b.planApp(ctx, in)
	}
	p := *b.given.saved.Plan
	if unused := b.lay(&p); len(unused) > 0 {
		b.warn(ctx, "build arguments that are not variables of the plan have no effect: "+strings.Join(unused, ", "), "")
	}
	in.Plan, in.Origins = &p, b.given.saved.Origins
	in.CacheKey = b.cacheKey(in.Plan, b.given.saved.CacheKey)
	in.NoCacheDirectories = unify.Truthy(p.Variables, "NO_CACHE")
	b.planning.Lock()
	defer b.planning.Unlock()
	return "", b.hold(ctx, in, app.FromFS(b.context.files, appName), policyDirs(p.App))
}

// policyDirs returns the directories below the repository whose policies apply to the app at that location.
func policyDirs(at *plan.Location) []string {
	if at == nil {
		return nil
	}
	return []string{at.Dir}
}

// lay replaces the plan's variables by build arguments. It returns the names of arguments that the plan has no variable
// for.
func (b *build) lay(p *plan.Plan) (unused []string) {
	p.Variables = maps.Clone(p.Variables)
	for k, v := range b.variables() {
		if _, ok := p.Variables[k]; ok {
			p.Variables[k] = v
		} else if k != "NIXPACKS_BUILD_IMAGE" {
			unused = append(unused, k)
		}
	}
	slices.Sort(unused)
	return unused
}

// planApp plans the app for the platform.
func (b *build) planApp(ctx context.Context, in *plan2llb.Input) (dir string, err error) {
	b.planning.Lock()
	defer b.planning.Unlock()
	opt := unify.Options{Env: b.variables(), Arch: in.Platform.Architecture}
	if b.given.config != nil {
		opt.Config, opt.ConfigText = b.given.name, b.given.config
	}
	a := app.FromFS(b.context.files, appName)
	cat, err := b.providers(a)
	if err != nil {
		return "", err
	}
	res, err := unify.Plan(a, cat, opt)
	if err != nil {
		return "", err
	}
	if err := startless(res.Plan); err != nil {
		return "", err
	}
	l, err := lock.Of(a)
	if err != nil {
		return "", err
	}
	l.Apply(res.Plan)
	for _, n := range res.Notes {
		b.warn(ctx, n.Text, n.Hint)
	}
	b.lay(res.Plan) // build arguments override variables that files of the app set
	in.Plan, in.Origins = res.Plan, res.Origins()
	dir = strings.TrimPrefix(strings.TrimPrefix(res.App.Dir(), appName), "/")
	if err := b.hold(ctx, in, a, policy.Between(".", dir)); err != nil {
		return "", err
	}
	in.CacheKey = b.cacheKey(in.Plan, "")
	in.NoCacheDirectories = unify.Truthy(res.Plan.Variables, "NO_CACHE")
	return dir, nil
}

// startless refuses a plan without a start command.
func startless(p *plan.Plan) error {
	switch {
	case p.Start != nil && p.Start.Cmd != "":
		return nil
	case len(p.Phases) > 0:
		return fault.New(fault.NotDetected, "there is no start command for this app").
			WithHint("add a Procfile with a line \"web: COMMAND\", or [start] cmd = \"COMMAND\" to nixpacks.toml,\nor --build-arg NIXPACKS_START_CMD=COMMAND")
	}
	return fault.New(fault.NotDetected, "no provider knows what to do with the app").
		WithHint("check that the build context is the app's directory; for an app of another kind, set its commands in nixpacks.toml:\n" +
			"[phases.build]\ncmds = [\"make\"]\n[start]\ncmd = \"./app\"")
}

// providers returns the program's providers and the app's own. It refuses modules of a lock: a frontend has no network.
func (b *build) providers(a *app.App) (*catalog.Catalog, error) {
	if l, err := lock.Of(a); err != nil {
		return nil, err
	} else if len(l.Providers) > 0 {
		return nil, fault.New(fault.Refused, "%s lists providers from a registry, which a frontend cannot fetch", lock.File).
			WithPos(fault.Pos{File: lock.File}).
			WithHint("plan with nixpacks instead, and build the plan: nixpacks build . --out . writes one for docker build")
	}
	extra, err := catalog.OfApp(a)
	if err != nil || len(extra) == 0 {
		return b.catalog, err
	}
	return b.catalog.Beside(extra...)
}

// hold checks the plan against the policies of the frontend, of the app and of directories in it.
func (b *build) hold(ctx context.Context, in *plan2llb.Input, a *app.App, dirs []string) error {
	held, err := policy.Check(policy.Input{Plan: in.Plan, Origins: func() *plan.Origins { return in.Origins }, Given: b.Policies,
		App: a, Dirs: dirs})
	if err != nil {
		return err
	}
	for _, n := range held.Notes {
		b.warn(ctx, n.Text, n.Hint)
	}
	return held.Err()
}

// cacheKey returns the key that separates the app's cache directories from those of other apps on the daemon. In this
// order it is the key that the user chose, a key for the app's repository (extended by the plan's key), the plan's key,
// or, if nothing else is known of the app, a digest of the plan.
func (b *build) cacheKey(p *plan.Plan, saved string) string {
	switch {
	case b.CacheIDNamespace != "":
		return b.CacheIDNamespace
	case b.context.remote != "":
		key := digest.FromString(b.context.remote).Encoded()[:16]
		if saved != "" { // the repository's file names it, so it only chooses among that repository's keys
			key += "-" + saved
		}
		return key
	case saved != "":
		return saved
	}
	same := *p
	same.Variables = nil // a variable may change with every build
	return digest.FromBytes(same.JSON()).Encoded()[:16]
}

// warn shows the user a line, and details of it on request.
func (b *build) warn(ctx context.Context, text, detail string) {
	var d digest.Digest
	if v := b.context.vertex; v != nil && len(v.Def) > 0 {
		d = digest.FromBytes(v.Def[len(v.Def)-1])
	}
	opt := gateway.WarnOpts{Level: 1}
	if detail != "" {
		opt.Detail = [][]byte{[]byte(detail)}
	}
	// A daemon that does not support warnings builds nevertheless.
	_ = b.gateway.Warn(ctx, d, fmt.Sprintf("nixpacks: %s", text), opt)
}

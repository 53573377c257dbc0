package cli

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/docker/go-units"
	ucli "github.com/urfave/cli/v2"

	"github.com/nixpacks-cue/nixpacks/engine/buildkitd"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
	"github.com/nixpacks-cue/nixpacks/engine/plan2llb"
	"github.com/nixpacks-cue/nixpacks/engine/progress"
	"github.com/nixpacks-cue/nixpacks/engine/unify"
)

// lowerFlags are the flags that the build graph depends on in addition to the plan.
func lowerFlags() []ucli.Flag {
	return []ucli.Flag{
		planFlag(),
		&ucli.StringSliceFlag{Name: "label", Aliases: []string{"l"}, Category: aboutImage, Usage: "add the label `K=V` to the image (repeatable)"},
		platformFlag(),
		&ucli.StringSliceFlag{Name: "add-host", Category: aboutBuild, Usage: "add the host mapping `NAME:IP` for build steps; implies the host network (repeatable)"},
		&ucli.StringFlag{Name: "cache-key", Category: aboutBuild, Usage: "share cache directories between builds with the same `KEY` (default: the app's path)"},
		&ucli.BoolFlag{Name: "no-cache", Category: aboutBuild, Usage: "do not use cached build steps or cache directories"},
		&ucli.StringFlag{Name: "graph", Value: graphMerge, Category: aboutBuild, Usage: "`merge|copy`: use merge operations if the builder supports them, or always copy files (default: merge)"},
		&ucli.StringFlag{Name: "cpu-quota", Category: aboutBuild, Usage: "limit each build step to `N` microseconds of CPU time per 100 ms; 50000 is half a core"},
		&ucli.StringFlag{Name: "memory", Category: aboutBuild, Usage: "limit the memory of each build step to `SIZE`, such as 512m or 2g"},
		secretsHashFlag(),
		&ucli.StringSliceFlag{Name: "mirror", Category: aboutPackages, Usage: "`FROM=TO`: replace the URL prefix FROM with TO in downloads; TO is https://, http:// or file:// (repeatable)"},
	}
}

func platformFlag() ucli.Flag {
	return &ucli.StringFlag{Name: "platform", Category: aboutImage, Usage: "target `OS/ARCH`; nixpacks build accepts a comma-separated list for a multi-platform image (default: the builder's)"}
}

// planFlag names a saved plan.
func planFlag() ucli.Flag {
	return &ucli.StringFlag{Name: "plan", Category: aboutConfig, Usage: "use the plan in `FILE`, as printed by nixpacks plan, instead of planning the app"}
}

// The values of --graph.
const (
	graphMerge = "merge"
	graphCopy  = "copy"
)

// lowerInput returns what the graph depends on, except for the bases, which the engine resolves. It does not use the cache
// key of a saved plan: with the key of another app, the build would use the cache directories of that app.
func lowerInput(c *ucli.Context, s *plan.Saved) (plan2llb.Input, error) {
	in := plan2llb.Input{
		Plan: s.Plan, Origins: s.Origins, CacheKey: c.String("cache-key"), NoCache: c.Bool("no-cache"), Labels: map[string]string{},
		NoCacheDirectories: unify.Truthy(s.Plan.Variables, "NO_CACHE"), SecretHashes: givenHashes(c, s.Plan), Locked: c.Bool("locked"),
	}
	for _, kv := range c.StringSlice("label") {
		k, v, _ := strings.Cut(kv, "=") // as with docker, K alone is an empty label
		if k == "" {
			return in, fault.New(fault.Usage, "--label %q is not K=V", kv)
		}
		in.Labels[k] = v
	}
	for _, m := range c.StringSlice("mirror") {
		from, to, ok := strings.Cut(m, "=")
		if !ok || from == "" || to == "" {
			return in, fault.New(fault.Usage, "--mirror %q is not FROM=TO", m).WithHint("both are URL prefixes")
		}
		in.Mirrors = append(in.Mirrors, plan2llb.Mirror{From: from, To: to})
	}
	switch c.String("graph") {
	case graphMerge:
		in.Caps = plan2llb.Caps{Merge: true, Diff: true}
	case graphCopy:
	default:
		return in, fault.New(fault.Usage, "--graph %q is not %s or %s", c.String("graph"), graphMerge, graphCopy)
	}
	var err error
	if in.Limits, err = limits(c); err != nil {
		return in, err
	}
	if in.Hosts, err = hosts(c.StringSlice("add-host")); err != nil {
		return in, err
	}
	if len(in.Hosts) > 0 && c.String("network") != buildkitd.NetworkNone {
		in.Network = plan2llb.NetworkHost
	}
	in.Platform, err = platform(c.String("platform"))
	return in, err
}

// limits reads --cpu-quota and --memory, which have the values of docker build. It refuses values that no kernel accepts.
func limits(c *ucli.Context) (plan2llb.Limits, error) {
	const leastQuota, leastMemory = 1000, 6 << 20
	var l plan2llb.Limits
	var err error
	if s := c.String("cpu-quota"); s != "" {
		if l.CPUQuota, err = strconv.ParseInt(s, 10, 64); err != nil || l.CPUQuota < leastQuota {
			return l, fault.New(fault.Usage, "--cpu-quota %q is not a valid quota", s).
				WithHint("give the microseconds of CPU time per 100 ms, at least %d; 50000 is half a core", leastQuota)
		}
	}
	if s := c.String("memory"); s != "" {
		if l.Memory, err = units.RAMInBytes(s); err != nil || l.Memory < leastMemory {
			return l, fault.New(fault.Usage, "--memory %q is not a valid limit", s).WithHint("give at least 6m, such as 512m or 2g")
		}
	}
	return l, nil
}

// hosts parses --add-host as docker does: NAME:IP or NAME=IP. An IPv6 address may be in brackets.
func hosts(given []string) ([]plan2llb.Host, error) {
	var out []plan2llb.Host
	for _, s := range given {
		name, addr, ok := strings.Cut(s, "=")
		if !ok {
			name, addr, _ = strings.Cut(s, ":")
		}
		ip, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(addr, "["), "]"))
		if err != nil || name == "" || strings.ContainsAny(name, " \t\n#") {
			return nil, fault.New(fault.Usage, "--add-host %q is not NAME:IP", s).WithHint("write --add-host db.internal:10.0.0.7")
		}
		out = append(out, plan2llb.Host{Name: name, Addr: ip})
	}
	return out, nil
}

// progressOptions returns how a build is shown: as --progress says, or with every line of every step for --verbose, as in
// Nixpacks.
func progressOptions(c *ucli.Context, h *Host) progress.Options {
	mode := c.String("progress")
	if h.verbose && !c.IsSet("progress") {
		mode = "plain"
	}
	return progress.Options{Mode: mode, Out: h.Stderr, Hide: proxyPasswords(h.Environ)}
}

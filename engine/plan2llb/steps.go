package plan2llb

import (
	"maps"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/buildkit/client/llb"

	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// step is a program that runs on a state.
type step struct {
	args []string
	dir  string
	user string // "" is root
	env  map[string]string
	opts []llb.RunOption
}

// exec returns the root file system of st after the step.
func (l *lowering) exec(st llb.State, s step) llb.State { return l.execute(st, s).Root() }

// execute runs the step on st. Callers may add mounts to the result.
func (l *lowering) execute(st llb.State, s step) llb.ExecState {
	opts := []llb.RunOption{llb.Args(s.args), llb.With(llb.Dir(s.dir))}
	if s.user == "" {
		s.user = "root"
	}
	opts = append(opts, llb.With(llb.User(s.user)))
	env := maps.Clone(s.env)
	if l.in.CA {
		for _, k := range caVariables {
			env[k] = caFile
		}
		env[javaKey] = strings.TrimSpace(env[javaKey] + " " + javaTrust)
		opts = append(opts, llb.AddSecret(caFile, llb.SecretID(CASecret), llb.SecretFileOpt(0, 0, 0o444), llb.SecretOptional),
			llb.AddSecret(trustFile, llb.SecretID(TrustStoreSecret), llb.SecretFileOpt(0, 0, 0o444), llb.SecretOptional))
	}
	for _, k := range slices.Sorted(maps.Keys(env)) {
		opts = append(opts, llb.AddEnv(k, env[k]))
	}
	opts = append(opts, l.surroundings()...)
	return st.Run(append(opts, s.opts...)...)
}

// surroundings returns the options of every step that concern the machine: hosts, network, limits and proxies.
func (l *lowering) surroundings() []llb.RunOption {
	var opts []llb.RunOption
	for _, h := range l.in.Hosts {
		opts = append(opts, llb.AddExtraHost(h.Name, h.Addr.AsSlice()))
	}
	switch l.in.Network {
	case NetworkHost:
		opts = append(opts, llb.With(llb.Network(llb.NetModeHost)))
	case NetworkNone:
		opts = append(opts, llb.With(llb.Network(llb.NetModeNone)))
	}
	if n := l.in.Limits.CPUQuota; n > 0 {
		opts = append(opts, llb.CPUPeriod(100_000), llb.CPUQuota(n))
	}
	if n := l.in.Limits.Memory; n > 0 {
		opts = append(opts, llb.MemoryLimit(n))
	}
	return append(opts, l.proxies()...)
}

// phase adds a phase, to the chain or beside it.
func (l *lowering) phase(name string, ph *plan.Phase) {
	switch {
	case ph.ForStart():
		l.forStart = append(l.forStart, l.aside(name, ph, sortedSet(relative(ph.Outputs))))
		return
	case l.beside[name] != nil:
		l.branchOff(name, ph)
		return
	case l.free[name]:
		l.runLane(name, ph)
		return
	case len(ph.Cmds) > 0:
		l.gather(name)
	}
	l.join(name)
	l.run(name, ph)
	if len(ph.Cmds) > 0 {
		done := l.here()
		done.at, done.phase = done.at+1, name
		l.chained = append(l.chained, done)
	}
}

// run adds the files and the commands of a phase to the current state. It returns the state before their changes, but
// after a copy of the whole app.
func (l *lowering) run(name string, ph *plan.Phase) (before llb.State) {
	l.front = append(expand(ph.Paths, l.appEnv(l.in.Base.Config, nil, nil)), l.front...)
	before = l.state
	if len(ph.Cmds) == 0 {
		return before
	}
	had := l.whole
	if l.copyFor(name, ph); l.whole != had {
		before = l.state
	}
	env := l.phaseEnv(ph)
	common := slices.Concat(l.cacheMounts(ph), l.secrets(ph, env), l.agent(ph))
	for i, cmd := range ph.Cmds {
		l.state = l.exec(l.state, step{
			args: []string{"/bin/bash", "-l", "-o", "pipefail", "-c", cmd},
			dir:  l.dir,
			user: notRoot(l.in.Base.Config.User),
			env:  env,
			opts: append(slices.Clone(common), described(Step{Phase: name, Command: cmd}), l.from(cmd, "phases", name, "cmds", strconv.Itoa(i))),
		})
	}
	return before
}

// cacheMounts returns the mounts of the phase's cache directories. As in Nixpacks concurrent builds share them.
func (l *lowering) cacheMounts(ph *plan.Phase) []llb.RunOption {
	if l.in.CacheKey == "" || l.in.NoCache || l.in.NoCacheDirectories {
		return nil
	}
	var opts []llb.RunOption
	seen := map[string]bool{}
	for _, dir := range ph.CacheDirectories {
		target := cacheTarget(dir)
		if seen[target] || namesFile(dir) {
			continue
		}
		seen[target] = true
		opts = append(opts, llb.AddMount(target, llb.Scratch(), llb.AsPersistentCacheDir(cacheID(l.in.CacheKey, dir), llb.CacheMountShared)))
	}
	return opts
}

// namesFile reports whether a cache directory of the app looks like a file: its name has an extension. Nixpacks lists
// such files (the compiler's state, which an app may already contain), and a directory can neither be mounted over a
// file nor written as one.
func namesFile(dir string) bool {
	return !path.IsAbs(dir) && !strings.HasPrefix(dir, "~") && path.Ext(strings.TrimPrefix(path.Base(dir), ".")) != ""
}

// cacheTarget returns the mount point of a cache directory: `~` is root's home, a relative path is below /app.
func cacheTarget(dir string) string { return inApp(strings.ReplaceAll(dir, "~", "/root")) }

// cacheID returns a builder's id for a cache directory. A plan's directory cannot reach that of another key: the escaped
// key has no slash, and the path begins with one.
func cacheID(key, dir string) string { return url.PathEscape(key) + cacheTarget(dir) }

// inApp returns a path that is relative to the app's directory as an absolute one.
func inApp(p string) string {
	if path.IsAbs(p) {
		return path.Clean(p)
	}
	return path.Join(AppDir, p)
}
